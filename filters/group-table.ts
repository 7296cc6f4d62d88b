import { GRADE } from '../pipeline/codes.js';
import type { ConversationBatch } from '../pipeline/conversation-batch.js';
import type { Reference } from '../reference/reference.js';
import { Conversation } from './conversation.js';
import type { GroupFilter, Regrouping } from './group-filter.js';
import type { PreparedPolicies } from './policies.js';

/** Groups by key, with their states as JSON: what crosses the shuffle. */
export type SavedGroups = readonly (readonly [key: string, state: unknown])[];

/** Numbers by name, on their way to be added up. */
export type SavedTotals = Iterable<readonly [name: string, value: number]>;

/** Whether a conversation was taken away from the filter by an exception of the analyst. */
export type Skip = (conversation: Conversation) => boolean;

/** The groups of one filter while conversations or other tables are added, in any order. */
export class GroupTable {
  readonly #filter: GroupFilter;
  readonly #states = new Map<string, unknown>();

  constructor(filter: GroupFilter) {
    this.#filter = filter;
  }

  get size(): number {
    return this.#states.size;
  }

  /**
   * Adds the rows of a batch that count under their customers' policies; with a second key those of
   * customers for whom the filter does not run, too, under its defaults.
   * Throws an Error where the batch was joined with another snapshot than `reference`.
   */
  addBatch(
    batch: ConversationBatch,
    reference: Reference,
    policies: PreparedPolicies,
    skip: Skip = () => false,
  ): void {
    if (batch.referenceVersion !== reference.version) {
      throw new Error(
        `batch was joined with snapshot ${batch.referenceVersion}, the filter has ${reference.version}`,
      );
    }
    const filter = this.#filter;
    const byCustomer = policies.forCustomers(batch.customers);
    // How a remote spreads over customers must not depend on who wants to be told.
    const others = filter.over === undefined ? undefined : policies.forAnybody();
    const { customer, grade } = batch.columns;
    const least = filter.attempts ? GRADE.unknown : GRADE.medium;
    const conversation = new Conversation(batch, reference);
    for (let row = 0; row < batch.rows; row++) {
      if (grade[row] < least) continue;
      const policy = byCustomer[customer[row]] ?? others;
      if (policy === undefined) continue;
      conversation.move(row);
      const key = filter.key(conversation, policy.prepared);
      if (key === undefined || skip(conversation)) continue;
      filter.add(this.#stateOf(key), conversation, policy.prepared);
    }
  }

  merge(groups: SavedGroups): void {
    for (const [key, json] of groups) {
      const state = this.#filter.restore(json);
      const known = this.#states.get(key);
      if (known === undefined) this.#states.set(key, state);
      else this.#filter.merge(known, state);
    }
  }

  /** In no order. */
  entries(): IterableIterator<[string, unknown]> {
    return this.#states.entries();
  }

  save(): SavedGroups {
    return [...this.#states].map(([key, state]) => [key, this.#filter.save(state)]);
  }

  #stateOf(key: string): unknown {
    let state = this.#states.get(key);
    if (state === undefined) {
      state = this.#filter.create();
      this.#states.set(key, state);
    }
    return state;
  }
}

/** Groups that are gathered again under their second keys. */
export class RegroupedTable {
  readonly #over: Regrouping<unknown, unknown>;
  readonly #members = new Map<string, unknown>();
  readonly #totals = new Map<string, number>();

  constructor(over: Regrouping<unknown, unknown>) {
    this.#over = over;
  }

  /** Sums of `measure` over all groups so far, by name. */
  get totals(): ReadonlyMap<string, number> {
    return this.#totals;
  }

  addGroup(key: string, state: unknown): void {
    this.addTotals(this.#over.measure(key, state));
    for (const [second, member] of this.#over.spread(key, state)) this.#add(second, member);
  }

  addTotals(numbers: SavedTotals): void {
    for (const [name, value] of numbers) {
      this.#totals.set(name, (this.#totals.get(name) ?? 0) + value);
    }
  }

  merge(members: SavedGroups): void {
    for (const [key, json] of members) this.#add(key, this.#over.restore(json));
  }

  /** In no order; without those that no finding can come of, if `worthwhile`. */
  *entries(worthwhile: boolean): Generator<[string, unknown]> {
    for (const [key, member] of this.#members) {
      if (!worthwhile || this.#over.worthwhile(member)) yield [key, member];
    }
  }

  save(member: unknown): unknown {
    return this.#over.save(member);
  }

  #add(key: string, member: unknown): void {
    const known = this.#members.get(key);
    if (known === undefined) this.#members.set(key, member);
    else this.#over.merge(known, member);
  }
}
