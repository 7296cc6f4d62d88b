import type { History } from '../history/history.js';
import type { Confidence, Role } from '../pipeline/codes.js';
import type { Evidence, Severity } from '../pipeline/finding.js';
import type { Reference } from '../reference/reference.js';
import type { Conversation } from './conversation.js';
import type { FilterBase } from './filter.js';
import type { Tally } from './tally.js';

/**
 * A risk that only many conversations show. Conversations are gathered into groups within the
 * finding window; `detect` judges a group once it is complete.
 *
 * States are merged in any order and any grouping, and come to the same: what must be cut to a bound
 * is cut by an order of its own (see `Bounded`), never by who came first. No state needs to know a
 * conversation that comes again: a later pane of a window replaces what the earlier one brought.
 */
export interface GroupFilter<
  Policy = unknown,
  Prepared = unknown,
  State = unknown,
  Member = unknown,
> extends FilterBase<Policy, Prepared> {
  readonly shape: 'group';
  /**
   * The group of a conversation; undefined = it does not count. Asked for every row, so that cheap
   * tests come first and text is made last.
   */
  key(conversation: Conversation, prepared: Prepared): string | undefined;
  /** The state of a group without conversations. */
  create(): State;
  add(state: State, conversation: Conversation, prepared: Prepared): void;
  /** Adds `from` to `into`; `from` is not used again. */
  merge(into: State, from: State): void;
  /**
   * The state as plain JSON, and back; its size is bounded. Neither shares with the state what grows
   * in place: saved JSON stays as it is while the state goes on, and so does what one was made from.
   */
  save(state: State): unknown;
  restore(json: unknown): State;
  /** A second key; without one each group is judged alone, as the only member of itself. */
  readonly over: Regrouping<State, Member> | undefined;
  /** What a complete group shows: with `over` the members that came together under the second key. */
  detect(key: string, member: Member, context: DetectContext<Prepared>): Iterable<GroupDetection>;
}

/** Groups gathered again under other keys. */
export interface Regrouping<State, Member> {
  /**
   * The second keys of a complete group, each with what the group brings to it, which may be part of
   * its state: members are merged only with those of other groups of the same table.
   */
  spread(key: string, state: State): Iterable<readonly [string, Member]>;
  /** Adds `from` to `into`; `from` is not used again. */
  merge(into: Member, from: Member): void;
  save(member: Member): unknown;
  restore(json: unknown): Member;
  /** False where `detect` would give nothing: such members go no further. */
  worthwhile(member: Member): boolean;
  /** Numbers that are added up by name over all groups of the window, for `DetectContext.totals`. */
  measure(key: string, state: State): Iterable<readonly [name: string, value: number]>;
}

export interface DetectContext<Prepared> {
  /** The prepared policy of a customer; undefined = the filter does not run for it. */
  policyOf(customer: string): Prepared | undefined;
  readonly reference: Reference;
  /** The days before the window; undefined = no history is kept. */
  readonly history: History | undefined;
  readonly windowStartMs: number;
  readonly windowEndMs: number;
  /** Sums of `Regrouping.measure` by name; empty without `over`. */
  readonly totals: ReadonlyMap<string, number>;
}

/** One finding of a group filter; whoever runs it adds ids and the sentence. */
export interface GroupDetection {
  readonly severity: Severity;
  readonly confidence: Confidence;
  readonly customer: string;
  /** What it is about within the customer: its address, or what was counted. Part of the finding's id. */
  readonly subject: string;
  readonly customerAddress: string | null;
  readonly customerPort: number | null;
  readonly role: Role;
  readonly remoteAddress: string | null;
  readonly remotePort: number | null;
  /** `443/tcp`; `-` where it is about several or none. Part of the id. */
  readonly service: string;
  /** Part of the id: nothing in it may change from run to run of the same day. */
  readonly indicator: string;
  readonly evidence: readonly Evidence[];
  /** Counts of what is behind it. */
  readonly tally: Tally;
}

/** Keeps the types of a group filter's parts together while it is declared. */
export function defineGroupFilter<Policy, Prepared, State>(
  filter: Omit<GroupFilter<Policy, Prepared, State, State>, 'shape' | 'over'>,
): GroupFilter<Policy, Prepared, State, State> {
  return { ...filter, shape: 'group', over: undefined };
}

/** The same with a second key. */
export function defineRegroupedFilter<Policy, Prepared, State, Member>(
  filter: Omit<GroupFilter<Policy, Prepared, State, Member>, 'shape' | 'over'> & {
    readonly over: Regrouping<State, Member>;
  },
): GroupFilter<Policy, Prepared, State, Member> {
  return { ...filter, shape: 'group' };
}
