import type { TargetsEvidence } from '../../pipeline/finding.js';
import { BoundedSet } from '../bounded.js';
import type { Conversation } from '../conversation.js';
import { Tally } from '../tally.js';
import { KINDS, type Kind } from './kind.js';

/** Targets of a kind that are told apart; of more the number is an estimate, to 1.6 %. */
export const MAX_TARGETS = 4096;
/** What TargetsEvidence lists at most. */
const MAX_EXAMPLES = 10;
const MAX_PORTS = 32;

/** Whom one customer address probed: distinct remote addresses and ports by kind. */
export class ProbedTargets {
  readonly tally: Tally;
  /** When the latest scan ended of which one knows that silent targets are; -Infinity = there are none. */
  #scannedMs = -Infinity;
  readonly #addresses = new Map<Kind, BoundedSet>();
  readonly #ports = new Map<Kind, BoundedSet>();

  constructor(tally = new Tally()) {
    this.tally = tally;
  }

  static restore(json: unknown): ProbedTargets {
    const { tally, scannedMs, kinds } = json as ReturnType<ProbedTargets['save']>;
    const restored = new ProbedTargets(Tally.restore(tally));
    restored.#scannedMs = scannedMs ?? -Infinity;
    for (const [kind, addresses, ports] of kinds) {
      restored.#addressesOf(kind).restore(addresses);
      restored.#portsOf(kind).restore(ports);
    }
    return restored;
  }

  save(): {
    readonly tally: unknown;
    readonly scannedMs: number | null;
    readonly kinds: readonly (readonly [Kind, unknown, unknown])[];
  } {
    return {
      tally: this.tally.save(),
      // JSON has no infinity.
      scannedMs: this.#scannedMs === -Infinity ? null : this.#scannedMs,
      kinds: [...this.#addresses].map(([kind, addresses]) => [
        kind,
        addresses.save(),
        this.#portsOf(kind).save(),
      ]),
    };
  }

  /** `scannedMs`: when the latest scan of the target ended. */
  add(kind: Kind, conversation: Conversation, scannedMs: number): void {
    const { remote } = conversation;
    this.#addressesOf(kind).add(remote.address);
    this.#portsOf(kind).add(String(remote.port));
    if (kind === 'silent') this.#scannedMs = Math.max(this.#scannedMs, scannedMs);
    this.tally.add(conversation);
  }

  merge(from: ProbedTargets): void {
    for (const kind of from.#addresses.keys()) {
      this.#addressesOf(kind).merge(from.#addressesOf(kind));
      this.#portsOf(kind).merge(from.#portsOf(kind));
    }
    this.#scannedMs = Math.max(this.#scannedMs, from.#scannedMs);
    this.tally.merge(from.tally);
  }

  get scannedMs(): number {
    return this.#scannedMs;
  }

  /** One entry a kind, in the order of KINDS. */
  evidence(): TargetsEvidence[] {
    return KINDS.filter((kind) => this.#addresses.has(kind)).map((kind) => {
      const addresses = this.#addressesOf(kind);
      return {
        type: 'targets',
        kind,
        targets: addresses.distinct,
        examples: addresses.texts().slice(0, MAX_EXAMPLES),
        ports: this.#portsOf(kind)
          .texts()
          .map(Number)
          .sort((a, b) => a - b),
      };
    });
  }

  #addressesOf(kind: Kind): BoundedSet {
    return boundedSet(this.#addresses, kind, MAX_TARGETS);
  }

  /** Of more ports than fit a sample stays. */
  #portsOf(kind: Kind): BoundedSet {
    return boundedSet(this.#ports, kind, MAX_PORTS);
  }
}

function boundedSet(sets: Map<Kind, BoundedSet>, kind: Kind, limit: number): BoundedSet {
  let found = sets.get(kind);
  if (found === undefined) {
    found = new BoundedSet(limit);
    sets.set(kind, found);
  }
  return found;
}
