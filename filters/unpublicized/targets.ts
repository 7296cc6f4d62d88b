import type { TargetsEvidence } from '../../pipeline/finding.js';
import { BoundedMap, BoundedSet } from '../bounded.js';
import type { Conversation } from '../conversation.js';
import { Tally } from '../tally.js';
import { isHostless, KINDS, type Kind } from './kind.js';

/** Targets of all kinds that are told apart, those that answered included. */
export const MAX_TARGETS = 4096;
/** What TargetsEvidence lists at most. */
const MAX_EXAMPLES = 10;
const MAX_PORTS = 32;

/** Facts about one target, one bit each, so that adding is OR: in any order, and however often. */
const PROBED_AS = { silent: 1, unrouted: 2, reserved: 4 } as const satisfies Record<Kind, number>;
const HOSTLESS = 8;
const ANSWERED = 16;

/** The targets that were probed and of which no answer was seen. */
export interface Unanswered {
  /** One entry a kind that has any, in the order of KINDS. */
  readonly evidence: readonly TargetsEvidence[];
  /** How many are known one by one: all of them, unless targets were dropped. */
  readonly known: number;
  /** How many of those lie where no host can stand. */
  readonly hostless: number;
}

/**
 * Whom one customer address probed, and who of them answered it in the same finding window.
 *
 * One map holds both facts of a target, so that they are kept or dropped together: a target that is
 * kept and without answer had none from anybody's part of the window. Up to MAX_TARGETS all is
 * exact. Of more a sample of all targets stays; numbers are then its share of all, to a standard
 * error of 1/sqrt(`known`), and `known` is the least that there were.
 */
export class ProbedTargets {
  readonly #facts = new BoundedMap<number>(MAX_TARGETS, (into, from) => into | from);
  /** Undefined where remotes only answered, as in most groups. */
  #probes: Probes | undefined;

  static restore(json: unknown): ProbedTargets {
    const { facts, probes } = json as ReturnType<ProbedTargets['save']>;
    const restored = new ProbedTargets();
    restored.#facts.restore(facts);
    if (probes !== null) restored.#probes = Probes.restore(probes);
    return restored;
  }

  save(): { readonly facts: unknown; readonly probes: unknown } {
    return { facts: this.#facts.save(), probes: this.#probes?.save() ?? null };
  }

  /** `scannedMs`: when the latest scan of the target ended, ms since 1970. */
  addProbe(kind: Kind, conversation: Conversation, scannedMs: number): void {
    const hostless = isHostless(conversation) ? HOSTLESS : 0;
    this.#facts.add(conversation.remote.address, PROBED_AS[kind] | hostless);
    this.#probes ??= new Probes();
    this.#probes.add(kind, conversation, scannedMs);
  }

  addAnswer(address: string): void {
    this.#facts.add(address, ANSWERED);
  }

  merge(from: ProbedTargets): void {
    this.#facts.merge(from.#facts);
    if (from.#probes === undefined) return;
    if (this.#probes === undefined) this.#probes = from.#probes;
    else this.#probes.merge(from.#probes);
  }

  /** Of all probes, those to remotes that answered later too; undefined = there were none. */
  get tally(): Tally | undefined {
    return this.#probes?.tally;
  }

  /** When the latest scan ended of which one knows that silent targets are; -Infinity = there are none. */
  get scannedMs(): number {
    return this.#probes?.scannedMs ?? -Infinity;
  }

  unanswered(): Unanswered {
    const probes = this.#probes;
    if (probes === undefined) return { evidence: [], known: 0, hostless: 0 };
    const { size, distinct } = this.#facts;
    const without = this.#facts.entries().filter(([, facts]) => (facts & ANSWERED) === 0);
    return {
      evidence: KINDS.flatMap((kind): TargetsEvidence[] => {
        const targets = without.filter(([, facts]) => (facts & PROBED_AS[kind]) !== 0);
        if (targets.length === 0) return [];
        return [
          {
            type: 'targets',
            kind,
            // Exact where all are kept: the quotient is then 1.
            targets: Math.round(targets.length * (distinct / size)),
            examples: targets.slice(0, MAX_EXAMPLES).map(([address]) => address),
            ports: probes.portsOf(kind),
          },
        ];
      }),
      known: without.length,
      hostless: without.filter(([, facts]) => (facts & HOSTLESS) !== 0).length,
    };
  }
}

/** What is kept of the probes together, whoever answered. */
class Probes {
  readonly tally: Tally;
  scannedMs = -Infinity;
  readonly #ports = new Map<Kind, BoundedSet>();

  constructor(tally = new Tally()) {
    this.tally = tally;
  }

  static restore(json: unknown): Probes {
    const { tally, scannedMs, ports } = json as ReturnType<Probes['save']>;
    const restored = new Probes(Tally.restore(tally));
    restored.scannedMs = scannedMs ?? -Infinity;
    for (const [kind, saved] of ports) restored.#portsOf(kind).restore(saved);
    return restored;
  }

  save(): {
    readonly tally: unknown;
    readonly scannedMs: number | null;
    readonly ports: readonly (readonly [Kind, unknown])[];
  } {
    return {
      tally: this.tally.save(),
      // JSON has no infinity.
      scannedMs: this.scannedMs === -Infinity ? null : this.scannedMs,
      ports: [...this.#ports].map(([kind, ports]) => [kind, ports.save()]),
    };
  }

  add(kind: Kind, conversation: Conversation, scannedMs: number): void {
    this.#portsOf(kind).add(String(conversation.remote.port));
    if (kind === 'silent') this.scannedMs = Math.max(this.scannedMs, scannedMs);
    this.tally.add(conversation);
  }

  merge(from: Probes): void {
    for (const [kind, ports] of from.#ports) this.#portsOf(kind).merge(ports);
    this.scannedMs = Math.max(this.scannedMs, from.scannedMs);
    this.tally.merge(from.tally);
  }

  /** Ascending; of more than MAX_PORTS a sample. */
  portsOf(kind: Kind): readonly number[] {
    return this.#portsOf(kind)
      .texts()
      .map(Number)
      .sort((a, b) => a - b);
  }

  #portsOf(kind: Kind): BoundedSet {
    let found = this.#ports.get(kind);
    if (found === undefined) {
      found = new BoundedSet(MAX_PORTS);
      this.#ports.set(kind, found);
    }
    return found;
  }
}
