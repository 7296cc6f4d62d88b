import type { DetectContext, GroupDetection, GroupFilter } from '../../filters/group-filter.js';
import { GroupTable, RegroupedTable, type SavedGroups } from '../../filters/group-table.js';
import { planFilters, preparePolicies } from '../../filters/policies.js';
import type { History } from '../../history/history.js';
import { fakeBatch, type FakeConversation, type FakeReference } from './fixtures.js';

export const DAY_START = Date.UTC(2026, 0, 5);

export interface GroupRun {
  readonly reference: FakeReference;
  readonly history?: History;
  /** As `filters:` and `policies:` of the configuration. */
  readonly config?: { readonly filters?: unknown; readonly policies?: unknown };
  /** How the rows are cut into bundles and in which order everything is merged; nothing may depend on it. */
  readonly cut?: number;
}

/** What a group filter makes of conversations, through every step that the graph takes, JSON included. */
export function detectGroups(
  filter: GroupFilter,
  rows: readonly FakeConversation[],
  { reference, history, config = {}, cut = 0 }: GroupRun,
): GroupDetection[] {
  const { plan, problems } = planFilters(config.filters, config.policies, [filter]);
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  if (plan.length === 0) return [];
  const policies = preparePolicies(filter, plan[0], reference);
  const random = randomOf(cut);

  const bundles: SavedGroups[] = [];
  const shuffled = cut === 0 ? [...rows] : shuffle(rows, random);
  for (let at = 0; at < shuffled.length;) {
    const size = cut === 0 ? shuffled.length : 1 + Math.floor(random() * 7);
    const table = new GroupTable(filter);
    table.addBatch(fakeBatch(shuffled.slice(at, at + size), reference), reference, policies);
    bundles.push(wire(table.save()));
    at += size;
  }
  const whole = new GroupTable(filter);
  for (const groups of shuffle(bundles, random)) whole.merge(groups);

  const context: DetectContext<unknown> = {
    policyOf: (customer) => policies.forCustomer(customer)?.prepared,
    reference,
    history,
    windowStartMs: DAY_START,
    windowEndMs: DAY_START + 86_400_000,
    totals: new Map(),
  };
  const found = [...judged(filter, whole, context, random)];
  return found.sort((a, b) => (JSON.stringify(keyOf(a)) < JSON.stringify(keyOf(b)) ? -1 : 1));
}

function* judged(
  filter: GroupFilter,
  whole: GroupTable,
  context: DetectContext<unknown>,
  random: () => number,
): Generator<GroupDetection> {
  const { over } = filter;
  if (over === undefined) {
    for (const [key, state] of whole.entries()) yield* filter.detect(key, state, context);
    return;
  }
  // Two shards of groups that are gathered again.
  const shards = [new RegroupedTable(over), new RegroupedTable(over)];
  for (const [key, state] of shuffle([...whole.entries()], random)) {
    shards[Math.floor(random() * 2)].addGroup(key, state);
  }
  const together = new RegroupedTable(over);
  for (const shard of shards) {
    together.addTotals(wire([...shard.totals]));
    together.merge(wire([...shard.entries(false)].map(([key, m]) => [key, shard.save(m)])));
  }
  for (const [key, member] of together.entries(true)) {
    const judgedMember = over.restore(wire(over.save(member)));
    yield* filter.detect(key, judgedMember, { ...context, totals: together.totals });
  }
}

function keyOf(found: GroupDetection): readonly unknown[] {
  return [found.customer, found.subject, found.remoteAddress, found.service, found.indicator];
}

/** Through JSON, as between two workers. */
function wire<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

function shuffle<T>(items: readonly T[], random: () => number): T[] {
  const shuffled = [...items];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [shuffled[i], shuffled[j]] = [shuffled[j], shuffled[i]];
  }
  return shuffled;
}

/** A small generator of numbers in [0, 1) by seed. */
function randomOf(seed: number): () => number {
  let state = (seed + 1) * 0x9e3779b1;
  return () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d);
    state = Math.imul(state ^ (state >>> 12), 0x297a2d39);
    state ^= state >>> 15;
    state = (state + 0x6d2b79f5) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}
