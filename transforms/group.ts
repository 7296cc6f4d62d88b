import { jsonCoder, keyedCoder } from '../beam/coders.js';
import { applyFn, registerFn, type FnContext } from '../beam/fn.js';
import { foldPerKey, registerFold } from '../beam/fold-per-key.js';
import { windowInto, type Firing } from '../beam/windows.js';
import type { PCollection, WindowedValue } from 'apache-beam';
import { Timing as PaneTiming } from 'apache-beam/values';
import { textHash } from '../pipeline/text-hash.js';
import type { Conversation } from '../filters/conversation.js';
import { filterOfShape } from '../filters/filters.js';
import type { GroupFilter, Regrouping } from '../filters/group-filter.js';
import { GroupTable, RegroupedTable, type SavedGroups, type Skip } from '../filters/group-table.js';
import type { FilterPlan } from '../filters/policies.js';
import { conversationSuppressor, type Suppression } from '../filters/suppression.js';
import { openHistory } from '../history/open-history.js';
import type { HistoryRef } from '../history/store.js';
import type { ConversationBatch } from '../pipeline/conversation-batch.js';
import type { Finding } from '../pipeline/finding.js';
import type { ManifestRef } from '../reference/snapshot.js';
import { groupFinding } from './group/group-finding.js';
import { shardOf, type GroupPiece } from './group/group-piece.js';
import { OriginPieces, type PieceOrigin } from './panes/origin-pieces.js';
import { PaneMemory } from './panes/pane-memory.js';
import { settleFindings, type FindingSet } from './settle-findings.js';
import { groupFiring, type Timing } from './firing.js';
import { preparedFor } from './prepared-policies.js';
import { REFERENCE_SIDE, referenceOf } from './reference-side.js';

const SUPPRESSIONS_SIDE = 'suppressions';
const HISTORY_SIDE = 'history';

/** Groups that an element holds: some hundred kilobytes of JSON. */
const GROUPS_PER_ELEMENT = 1000;

/** Groups that a bundle holds before it hands them on. */
const HELD_GROUPS = 50_000;

interface GroupParams {
  readonly plan: FilterPlan;
  readonly groupWindowMs: number;
  readonly shards: number;
  /** Ms since 1970 UTC that the expiry of suppressions is compared with; null = the clock. */
  readonly nowMs: number | null;
}

/** Complete groups of one window and shard, or some of them. */
interface GroupSet {
  readonly windowStartMs: number;
  readonly shard: string;
  readonly part: number;
  readonly groups: SavedGroups;
  readonly totals: GroupPiece['totals'];
}

/** Shards that earlier panes brought groups to. */
const memory = new PaneMemory<number>();

registerFn<GroupParams, ConversationBatch>('flowsieve/group', (params, context) => {
  const { plan, groupWindowMs, shards, nowMs } = params;
  const filter = filterOfShape(plan.id, 'group');
  const planKey = JSON.stringify(plan);
  let skip: Skip | undefined;
  /** Tables of batches that nothing will replace, by window. */
  const tables = new Map<number, GroupTable>();
  const emit = (
    startMs: number,
    table: GroupTable,
    origin: PieceOrigin | undefined,
    earlier: (shard: number) => boolean,
  ): Set<number> => {
    const groups = byShard(table.save(), shards);
    const held = new Set<number>();
    for (let shard = 0; shard < shards; shard++) {
      const own = groups[shard];
      // An empty piece tells that what an earlier pane brought is gone.
      if (own.length === 0 && !earlier(shard)) continue;
      held.add(shard);
      const piece: GroupPiece = {
        ...(origin === undefined ? {} : { origin }),
        groups: own,
        totals: [],
      };
      const at = { timestampMs: startMs, window: 'global' } as const;
      context.emit('pieces', { key: String(shard), value: piece }, at);
    }
    return held;
  };
  const emitAll = (): void => {
    for (const [startMs, table] of tables) emit(startMs, table, undefined, () => false);
    tables.clear();
  };
  return {
    process(batch, { pane }): void {
      // What early panes bring may yet turn round, and groups cost more to judge than to wait for.
      if (batch.rows === 0 || pane.timing === PaneTiming.EARLY) return;
      const reference = referenceOf(context);
      const policies = preparedFor(filter, plan, planKey, reference);
      skip ??= skipper(context, plan.id, nowMs ?? Date.now());
      const startMs = Math.floor(batch.columns.windowStartMs[0] / groupWindowMs) * groupWindowMs;
      if (pane.isFirst && pane.isLast) {
        let table = tables.get(startMs);
        if (table === undefined) tables.set(startMs, (table = new GroupTable(filter)));
        table.addBatch(batch, reference, policies, skip);
        if (table.size > HELD_GROUPS) emitAll();
        return;
      }
      const table = new GroupTable(filter);
      table.addBatch(batch, reference, policies, skip);
      const place = `${plan.id} ${batch.origin.key} ${batch.origin.part}`;
      const earlier = memory.earlier(place, pane.onTimeIndex);
      const origin = { ...batch.origin, revision: pane.index, last: pane.isLast };
      const held = emit(startMs, table, origin, (shard) => earlier?.has(shard) ?? true);
      memory.remember(place, pane.onTimeIndex, pane.isLast, held);
    },
    finishBundle: emitAll,
  };
});

/** The analyst's exceptions with a remote scope take conversations away before they are counted. */
function skipper(context: FnContext, filter: string, nowMs: number): Skip {
  const [entries] = context.side(SUPPRESSIONS_SIDE) as readonly (readonly Suppression[])[];
  const suppressed = conversationSuppressor(entries, nowMs, filter);
  return ({ batch, row, customer, remote }: Conversation): boolean => {
    const id = suppressed(customer.id, batch.family, remote.addressColumn, row, remote.port);
    if (id === undefined) return false;
    context.count(`taken/${id}`);
    return true;
  };
}

function byShard(groups: SavedGroups, shards: number): SavedGroups[] {
  const parts = Array.from({ length: shards }, (): [string, unknown][] => []);
  for (const [key, state] of groups) parts[shardOf(textHash(key), shards)].push([key, state]);
  return parts;
}

/** Merges pieces of one window and shard into the groups of a filter. */
registerFold<{ readonly filter: string }, GroupPiece>(
  'flowsieve/groups',
  ({ filter: id }, shard, window) => {
    if (window === undefined) throw new Error('groups are merged in windows');
    const filter = filterOfShape(id, 'group');
    const settled = new GroupTable(filter);
    const pieces = new OriginPieces<GroupPiece>(({ groups }) => {
      settled.merge(groups);
    });
    return {
      add(piece): void {
        if (piece.settled !== undefined) pieces.restoreSettled(piece.settled);
        pieces.add(piece);
      },
      compact: () => [
        { settled: pieces.settledOrigins(), groups: settled.save(), totals: [] },
        ...pieces.open(),
      ],
      async finish(context, pane): Promise<void> {
        const table = withOpen(filter, settled, pieces);
        if (pane.isLast) context.count(`groups/${id}`, table.size);
        const { startMs: windowStartMs } = window;
        if (filter.over === undefined) {
          const set = { windowStartMs, shard };
          for (const [part, groups] of chunks(table.save(), !pane.isFirst).entries()) {
            await context.send('groups', { ...set, part, groups, totals: [] });
          }
          return;
        }
        const again = new RegroupedTable(filter.over);
        for (const [key, state] of table.entries()) again.addGroup(key, state);
        const set = { windowStartMs, shard };
        // Totals go alone: they count where no group brings anything to a second key, too.
        await context.send('groups', { ...set, part: 0, groups: [], totals: [...again.totals] });
        for (const [part, groups] of chunks(saved(again, false), false).entries()) {
          await context.send('groups', { ...set, part: part + 1, groups, totals: [] });
        }
      },
    };
  },
);

function withOpen(
  filter: GroupFilter,
  settled: GroupTable,
  pieces: OriginPieces<GroupPiece>,
): GroupTable {
  const open = [...pieces.open()];
  if (open.length === 0) return settled;
  const table = new GroupTable(filter);
  table.merge(settled.save());
  for (const { groups } of open) table.merge(groups);
  return table;
}

function saved(table: RegroupedTable, worthwhile: boolean): SavedGroups {
  return [...table.entries(worthwhile)].map(([key, member]) => [key, table.save(member)]);
}

/** `groups` in parts; one that is empty, if asked for, tells that an earlier pane's are gone. */
function chunks(groups: SavedGroups, evenIfEmpty: boolean): SavedGroups[] {
  const parts: SavedGroups[] = [];
  for (let at = 0; at < groups.length; at += GROUPS_PER_ELEMENT) {
    parts.push(groups.slice(at, at + GROUPS_PER_ELEMENT));
  }
  return parts.length === 0 && evenIfEmpty ? [[]] : parts;
}

registerFn<{ readonly shards: number }, GroupSet>('flowsieve/regroup', ({ shards }, context) => ({
  process({ windowStartMs, shard, part, groups, totals }, { pane }: WindowedValue<GroupSet>) {
    const single = pane.isFirst && pane.isLast;
    const origin = { key: shard, revision: pane.index, part, last: pane.isLast };
    byShard(groups, shards).forEach((own, to) => {
      // Every shard needs the totals of all.
      const piece: GroupPiece = { ...(single ? {} : { origin }), groups: own, totals };
      const at = { timestampMs: windowStartMs, window: 'global' } as const;
      context.emit('pieces', { key: String(to), value: piece }, at);
    });
  },
}));

/** Merges what groups bring to their second keys. */
registerFold<{ readonly filter: string }, GroupPiece>(
  'flowsieve/members',
  ({ filter: id }, shard, window) => {
    if (window === undefined) throw new Error('groups are merged in windows');
    const { over } = filterOfShape(id, 'group');
    if (over === undefined) throw new Error(`filter ${id} has no second key`);
    const settled: GroupPiece[] = [];
    const pieces = new OriginPieces<GroupPiece>((piece) => settled.push(piece));
    return {
      add(piece): void {
        if (piece.settled !== undefined) pieces.restoreSettled(piece.settled);
        pieces.add(piece);
      },
      compact(): GroupPiece[] {
        const table = membersOf(over, settled);
        const groups = saved(table, false);
        const totals = [...table.totals];
        return [{ settled: pieces.settledOrigins(), groups, totals }, ...pieces.open()];
      },
      async finish(context, pane): Promise<void> {
        const table = membersOf(over, [...settled, ...pieces.open()]);
        const { startMs: windowStartMs } = window;
        const totals = [...table.totals];
        for (const [part, groups] of chunks(saved(table, true), !pane.isFirst).entries()) {
          const set: GroupSet = { windowStartMs, shard, part, groups, totals };
          await context.send('groups', set);
        }
      },
    };
  },
);

function membersOf(
  over: Regrouping<unknown, unknown>,
  pieces: readonly GroupPiece[],
): RegroupedTable {
  const table = new RegroupedTable(over);
  for (const { groups, totals } of pieces) {
    table.addTotals(totals);
    table.merge(groups);
  }
  return table;
}

registerFn<GroupParams, GroupSet>('flowsieve/detect-groups', ({ plan, groupWindowMs }, context) => {
  const filter = filterOfShape(plan.id, 'group');
  const planKey = JSON.stringify(plan);
  return {
    async process({ windowStartMs, shard, part, groups, totals }, { pane }): Promise<void> {
      const found: Finding[] = [];
      const reference = referenceOf(context);
      const policies = preparedFor(filter, plan, planKey, reference);
      const [ref] = context.side(HISTORY_SIDE) as readonly (HistoryRef | null)[];
      const detectContext = {
        policyOf: (customer: string) => policies.forCustomer(customer)?.prepared,
        reference,
        history: ref === null ? undefined : await openHistory(ref, windowStartMs),
        windowStartMs,
        windowEndMs: windowStartMs + groupWindowMs,
        totals: new Map(totals),
      };
      for (const [key, json] of groups) {
        const member = filter.over?.restore(json) ?? filter.restore(json);
        for (const detection of filter.detect(key, member, detectContext)) {
          context.count(`hits/${plan.id}`);
          found.push(groupFinding(filter, detection, windowStartMs, reference));
        }
      }
      if (pane.isFirst && pane.isLast) {
        for (const finding of found) context.emit('findings', finding);
        return;
      }
      const set: FindingSet = { revision: pane.index, part, findings: found };
      const key = `${plan.id} ${windowStartMs} ${shard}`;
      const at = { timestampMs: windowStartMs, window: 'global' } as const;
      context.emit('sets', { key, value: set }, at);
    },
  };
});

export interface GroupOptions {
  readonly reference: PCollection<ManifestRef>;
  readonly suppressions: PCollection<readonly Suppression[]>;
  /** null = no history is kept. */
  readonly history: PCollection<HistoryRef | null>;
  readonly findingWindowMs: number;
  readonly shards: number;
  readonly nowMs: number | null;
  readonly timing: Timing;
}

/**
 * Conversations -> findings of one filter that judges groups: gathered by key within the finding
 * window, and where the filter has a second key gathered again under that. A combine over shards of
 * groups: what crosses the shuffle are states, not conversations.
 */
export function applyGroupFilter(
  conversations: PCollection<ConversationBatch>,
  plan: FilterPlan,
  options: GroupOptions,
): readonly PCollection<Finding>[] {
  const { id } = plan;
  const { reference, suppressions, history, findingWindowMs, shards, nowMs, timing } = options;
  const params: GroupParams = { plan, groupWindowMs: findingWindowMs, shards, nowMs };
  const { pieces } = applyFn(conversations, {
    name: `group ${id}`,
    fn: 'flowsieve/group',
    params,
    sides: { [REFERENCE_SIDE]: reference, [SUPPRESSIONS_SIDE]: suppressions },
    outputs: { pieces: keyedCoder(jsonCoder) },
  });
  const regrouped = filterOfShape(id, 'group').over !== undefined;
  const merge = (
    input: PCollection<unknown>,
    fold: string,
    name: string,
    firing: Firing | undefined,
  ): PCollection<GroupSet> => {
    const windowed = windowInto(input as never, `${name} windows`, findingWindowMs, firing);
    const { groups } = foldPerKey(
      windowed,
      name,
      { fold, params: { filter: id } },
      { groups: jsonCoder },
    );
    return windowInto<GroupSet>(groups, `leave ${name} windows`, null);
  };
  let groups = merge(
    pieces,
    'flowsieve/groups',
    `groups of ${id}`,
    groupFiring(timing, filterOfShape(id, 'group').gradual === true),
  );
  if (regrouped) {
    const { pieces: members } = applyFn(groups, {
      name: `regroup ${id}`,
      fn: 'flowsieve/regroup',
      params: { shards },
      outputs: { pieces: keyedCoder(jsonCoder) },
    });
    groups = merge(members, 'flowsieve/members', `members of ${id}`, groupFiring(timing, false));
  }
  const { findings, sets } = applyFn(groups, {
    name: `detect ${id}`,
    fn: 'flowsieve/detect-groups',
    params,
    sides: { [REFERENCE_SIDE]: reference, [HISTORY_SIDE]: history },
    outputs: { findings: jsonCoder, sets: keyedCoder(jsonCoder) },
  }) as { findings: PCollection<Finding>; sets: PCollection<{ key: string; value: FindingSet }> };
  if (timing === null) return [findings];
  return [findings, settleFindings(sets, id, findingWindowMs, timing)];
}
