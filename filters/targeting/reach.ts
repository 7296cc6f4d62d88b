import { GRADE } from '../../pipeline/codes.js';
import type { InventoryEvidence, ListEvidence, TargetsEvidence } from '../../pipeline/finding.js';
import { BoundedMap, BoundedSet } from '../bounded.js';
import type { Conversation } from '../conversation.js';
import type { InsecureService } from './insecure-service.js';
import type { NamedEntry } from './threat-matcher.js';
import { Tally, type TallyJson } from '../tally.js';

/** Addresses of a customer that are told apart; beyond it counts are estimates (1.6 %). */
export const MAX_ADDRESSES = 4096;

/** Remotes of one prefix, services of one sweep, entries that lists have of one remote. */
const MAX_REMOTES = 256;
const MAX_SERVICES = 1024;
const MAX_ENTRIES = 32;

/** Insecure services that the evidence names, one an address. */
const MAX_INSECURE = 5;

/** What TargetsEvidence holds. */
const MAX_EXAMPLES = 10;
const MAX_PORTS = 32;

/**
 * How far remotes came with the customer's addresses; each holds the ones below it. The insecure
 * ones are those whose service the inventory calls so.
 */
export const REACH_KINDS = [
  'attempted',
  'answered',
  'established',
  'insecure-answered',
  'insecure-established',
] as const;
export type ReachKind = (typeof REACH_KINDS)[number];

/** A reach as plain JSON. */
export interface ReachJson {
  readonly tally: TallyJson;
  /** In the order of REACH_KINDS. */
  readonly targets: readonly unknown[];
  readonly remotes: unknown;
  readonly services: unknown;
  readonly lists: unknown;
  readonly insecure: unknown;
}

/**
 * What the remotes of one list entry did to services of one customer: which of its addresses they
 * reached for, how far they came, and by which lists they are known. Bounded, and the same whatever
 * the order in which conversations come and parts are merged.
 */
export class Reach {
  readonly tally: Tally;
  readonly #targets: ReadonlyMap<ReachKind, BoundedSet>;
  readonly #remotes = new BoundedSet(MAX_REMOTES);
  /** `22/tcp`. */
  readonly #services = new BoundedSet(MAX_SERVICES);
  readonly #lists = new BoundedMap<ListEvidence>(MAX_ENTRIES, (entry) => entry);
  readonly #insecure = new BoundedMap<InventoryEvidence>(MAX_INSECURE, greater);

  constructor(tally = new Tally()) {
    this.tally = tally;
    this.#targets = new Map(REACH_KINDS.map((kind) => [kind, new BoundedSet(MAX_ADDRESSES)]));
  }

  static restore(json: unknown): Reach {
    const saved = json as ReachJson;
    const reach = new Reach(Tally.restore(saved.tally));
    REACH_KINDS.forEach((kind, i) => reach.#of(kind).restore(saved.targets[i]));
    reach.#remotes.restore(saved.remotes);
    reach.#services.restore(saved.services);
    reach.#lists.restore(saved.lists);
    reach.#insecure.restore(saved.insecure);
    return reach;
  }

  save(): ReachJson {
    return {
      tally: this.tally.save(),
      targets: REACH_KINDS.map((kind) => this.#of(kind).save()),
      remotes: this.#remotes.save(),
      services: this.#services.save(),
      lists: this.#lists.save(),
      insecure: this.#insecure.save(),
    };
  }

  /** `insecure` says what the inventory holds against the customer's service; asked only where it answered. */
  add(conversation: Conversation, entries: readonly NamedEntry[], insecure: InsecureService): void {
    const { customer, remote, grade } = conversation;
    const address = customer.address;
    this.tally.add(conversation);
    this.#remotes.add(remote.address);
    this.#services.add(conversation.service);
    for (const [json, entry] of entries) this.#lists.add(json, entry);
    this.#of('attempted').add(address);
    if (grade < GRADE.answered) return;
    const established = grade >= GRADE.medium;
    this.#of('answered').add(address);
    if (established) this.#of('established').add(address);
    const service = insecure(conversation);
    if (service === undefined) return;
    this.#insecure.add(service.entry, service);
    this.#of('insecure-answered').add(address);
    if (established) this.#of('insecure-established').add(address);
  }

  merge(from: Reach): void {
    this.tally.merge(from.tally);
    for (const kind of REACH_KINDS) this.#of(kind).merge(from.#of(kind));
    this.#remotes.merge(from.#remotes);
    this.#services.merge(from.#services);
    this.#lists.merge(from.#lists);
    this.#insecure.merge(from.#insecure);
  }

  /** Distinct addresses of the customer. */
  count(kind: ReachKind): number {
    return this.#of(kind).distinct;
  }

  /** Addresses that reached, sorted; all of them, if they are at most 256. */
  remotes(): readonly string[] {
    return this.#remotes.texts();
  }

  /** By feed, then by entry. */
  lists(): readonly ListEvidence[] {
    return this.#lists.entries().map(([, entry]) => entry);
  }

  insecure(): readonly InventoryEvidence[] {
    return this.#insecure.entries().map(([, service]) => service);
  }

  /** One entry a kind that there is. */
  targets(): TargetsEvidence[] {
    const ports = this.#ports();
    return REACH_KINDS.filter((kind) => this.count(kind) > 0).map((kind) =>
      targetsOf(kind, this.#of(kind), ports),
    );
  }

  /** The remote addresses behind a prefix. */
  from(): TargetsEvidence {
    return targetsOf('from', this.#remotes, []);
  }

  #ports(): number[] {
    const ports = new Set(this.#services.texts().map((service) => Number.parseInt(service, 10)));
    return [...ports].sort((a, b) => a - b).slice(0, MAX_PORTS);
  }

  #of(kind: ReachKind): BoundedSet {
    const set = this.#targets.get(kind);
    if (set === undefined) throw new Error(`no reach is called ${kind}`);
    return set;
  }
}

function targetsOf(kind: string, set: BoundedSet, ports: readonly number[]): TargetsEvidence {
  return {
    type: 'targets',
    kind,
    targets: set.distinct,
    examples: set.texts().slice(0, MAX_EXAMPLES),
    ports,
  };
}

/** Of two scans of one service (two snapshots in one window) one, whichever came first. */
function greater(a: InventoryEvidence, b: InventoryEvidence): InventoryEvidence {
  return JSON.stringify(a) < JSON.stringify(b) ? b : a;
}
