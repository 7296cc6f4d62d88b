import { median, medianAbsoluteDeviation } from '../../statistics/quantiles.js';
import { BoundedMap } from '../bounded.js';
import {
  restoreFacts,
  saveFacts,
  type AddressFacts,
  type AddressFactsJson,
} from './address-facts.js';

/** Addresses whose volumes are kept; of more a random sample, which gives the same median within 2 %. */
const MAX_VOLUMES = 4096;

/** Others of its kind that an address is compared with, at least: of fewer the spread says nothing. */
const MIN_PEERS = 5;

/** Standard deviations of a normal distribution in one MAD. */
const MAD_SCALE = 1.4826;

/**
 * Least spread, in decades. Among many that send the same, 5 % more would be far out; this way
 * nothing below five times the middle of its kind is (z of 3.5).
 */
const MIN_SPREAD = 0.2;

/** All addresses with one kind of insecure service, over all customers. */
export class KindMembers {
  readonly #volumes = new BoundedMap<number>(MAX_VOLUMES, Math.max);
  readonly #suspects = new Map<string, AddressFacts>();

  static restore(json: unknown): KindMembers {
    const { volumes, suspects } = json as ReturnType<KindMembers['save']>;
    const members = new KindMembers();
    members.#volumes.restore(volumes);
    for (const [key, facts] of suspects) members.#suspects.set(key, restoreFacts(facts));
    return members;
  }

  save(): { readonly volumes: unknown; readonly suspects: readonly [string, AddressFactsJson][] } {
    const suspects = [...this.#suspects].map(([key, facts]): [string, AddressFactsJson] => [
      key,
      saveFacts(facts),
    ]);
    return { volumes: this.#volumes.save(), suspects };
  }

  /** An address by its group's key. One that sent nothing is nobody's peer. */
  add(key: string, outBytes: number, facts: AddressFacts | undefined): void {
    if (outBytes > 0) this.#volumes.add(key, outBytes);
    if (facts !== undefined) this.#suspects.set(key, facts);
  }

  merge(from: KindMembers): void {
    this.#volumes.merge(from.#volumes);
    for (const [key, facts] of from.#suspects) this.#suspects.set(key, facts);
  }

  get hasSuspects(): boolean {
    return this.#suspects.size > 0;
  }

  /** In the order of their keys. */
  suspects(): [string, AddressFacts][] {
    return [...this.#suspects].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** How the addresses compare. */
  compare(): KindVolumes {
    const logs = this.#volumes.entries().map(([, bytes]) => decades(bytes));
    const { distinct } = this.#volumes;
    if (logs.length <= MIN_PEERS) return { addresses: distinct, z: () => undefined };
    const middle = median(logs);
    const spread = Math.max(MIN_SPREAD, MAD_SCALE * medianAbsoluteDeviation(logs));
    return { addresses: distinct, z: (bytes) => (decades(bytes) - middle) / spread };
  }
}

/** The volumes of a kind. */
export interface KindVolumes {
  /** That sent anything, over all customers. */
  readonly addresses: number;
  /** Robust z of an address that sent `bytes`, on a logarithmic scale; undefined where its peers are too few. */
  readonly z: (bytes: number) => number | undefined;
}

function decades(bytes: number): number {
  return Math.log10(1 + bytes);
}
