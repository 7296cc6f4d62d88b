import { expect } from 'chai';
import { GROUP_FILTERS } from '../../filters/filters.js';
import type { GroupFilter } from '../../filters/group-filter.js';
import { GroupTable, RegroupedTable, type SavedGroups } from '../../filters/group-table.js';
import { planFilters, preparePolicies, type PreparedPolicies } from '../../filters/policies.js';
import { ACK, SYN } from '../../pipeline/codes.js';
import { CUSTOMER, fakeBatch, fakeReference, type FakeConversation } from './fixtures.js';

const LISTED = '203.0.113.66';
const ATTACKER = '203.0.113.99';
const reference = fakeReference({
  customers: ['acme'],
  tags: { [LISTED]: [['c2', LISTED]], [ATTACKER]: [['attacker', ATTACKER]] },
  services: { [`${CUSTOMER}:23`]: ['telnet'] },
});

/** The same few groups of every filter, always a little different. */
function conversations(from: number, count: number): FakeConversation[] {
  return Array.from({ length: count }, (_unused, n) => from + n).flatMap((i) => {
    const windowStartMs = (i % 4) * 300_000;
    const seen = {
      windowStartMs,
      records: 1 + (i % 3),
      bytesOut: 1000 * (1 + i),
      sensor: `s${from}`,
    };
    const sides = { remotePort: 50_000 + (i % 5), role: 'server' } as const;
    return [
      { ...seen, remote: `10.0.0.${i % 7}`, flagsOut: SYN, grade: 'attempt' },
      { ...seen, remote: `10.0.0.${i % 5}`, flagsIn: SYN | ACK, grade: 'answered' },
      { ...seen, remote: `45.1.2.${i % 9}`, bytesOut: 5e6, packetsOut: 1e4 },
      { ...seen, ...sides, remote: '45.1.2.3', customerPort: 23 },
      { ...seen, ...sides, remote: ATTACKER, customerPort: 23 },
      { ...seen, ...sides, remote: ATTACKER, customerPort: 22, grade: 'attempt', flagsIn: SYN },
      { ...seen, remote: LISTED, customerPort: 40_000 + i },
    ] satisfies FakeConversation[];
  });
}

/** Freezes plain JSON to the ground: a write to it throws. */
function frozen<T>(json: T): T {
  if (typeof json === 'object' && json !== null && !Object.isFrozen(json)) {
    Object.freeze(json);
    Object.values(json).forEach(frozen);
  }
  return json;
}

function text(value: unknown): string {
  return JSON.stringify(value);
}

interface Kit {
  readonly filter: GroupFilter;
  readonly policies: PreparedPolicies;
}

function kitOf(filter: GroupFilter): Kit {
  const [plan] = planFilters({}, {}, [filter]).plan;
  return { filter, policies: preparePolicies(filter, plan, reference) };
}

function tableOf({ filter, policies }: Kit, from: number, count = 12): GroupTable {
  const table = new GroupTable(filter);
  for (let i = from; i < from + count; i++) {
    table.addBatch(fakeBatch(conversations(i, 1), reference), reference, policies);
  }
  return table;
}

/** Groups as they come over the wire. */
function wired(groups: SavedGroups): SavedGroups {
  return JSON.parse(text(groups)) as SavedGroups;
}

function merged(filter: GroupFilter, parts: readonly SavedGroups[]): GroupTable {
  const table = new GroupTable(filter);
  for (const part of parts) table.merge(part);
  return table;
}

function savedMembers(table: RegroupedTable): SavedGroups {
  return [...table.entries(false)].map(([key, member]) => [key, table.save(member)]);
}

describe('states of groups', () => {
  for (const filter of GROUP_FILTERS) {
    describe(filter.id, () => {
      const kit = kitOf(filter);
      const parts = [0, 20, 40].map((from) => wired(tableOf(kit, from).save()));
      const expected = text(wired(merged(filter, parts).save()));

      it('has groups that meet', () => {
        const [keys, others] = parts.map((part) => new Set(part.map(([key]) => key)));
        expect([...keys].filter((key) => others.has(key)).length).to.be.above(0);
      });

      it('leaves the JSON that it was restored from as it is, whatever is merged or added', () => {
        const fixed = parts.map((part) => frozen(wired(part)));
        const table = merged(filter, fixed);
        expect(text(wired(table.save()))).to.equal(expected);
        table.addBatch(fakeBatch(conversations(60, 12), reference), reference, kit.policies);
        table.merge(fixed[0]);
        table.save();
        expect(fixed.map(text)).to.deep.equal(parts.map(text));
        expect(text(wired(merged(filter, fixed).save()))).to.equal(expected);
      });

      it('leaves what it saved before as it was', () => {
        const table = tableOf(kit, 0);
        const before = table.save();
        const kept = text(before);
        table.addBatch(fakeBatch(conversations(60, 12), reference), reference, kit.policies);
        table.merge(parts[1]);
        table.merge(parts[2]);
        expect(text(before)).to.equal(kept);
      });

      it('takes in its own saved state without a copy: both go on apart', () => {
        const table = tableOf(kit, 0);
        const other = merged(filter, [table.save()]);
        const kept = text(table.save());
        other.merge(parts[1]);
        other.addBatch(fakeBatch(conversations(60, 12), reference), reference, kit.policies);
        expect(text(table.save())).to.equal(kept);
        const changed = text(other.save());
        table.merge(parts[2]);
        expect(text(other.save())).to.equal(changed);
      });
    });
  }
});

describe('members of groups', () => {
  for (const filter of GROUP_FILTERS) {
    const { over } = filter;
    if (over === undefined) continue;
    describe(filter.id, () => {
      const kit = kitOf(filter);
      const regrouped = (table: GroupTable): RegroupedTable => {
        const members = new RegroupedTable(over);
        for (const [key, state] of table.entries()) members.addGroup(key, state);
        return members;
      };
      const parts = [0, 20, 40].map((from) => wired(savedMembers(regrouped(tableOf(kit, from)))));
      const together = (groups: readonly SavedGroups[]): RegroupedTable => {
        const table = new RegroupedTable(over);
        for (const part of groups) table.merge(part);
        return table;
      };

      it('leave the groups that they were spread from as they are, pane after pane', () => {
        const table = tableOf(kit, 0);
        const kept = text(table.save());
        for (let pane = 0; pane < 3; pane++) {
          expect(text(savedMembers(regrouped(table)))).to.equal(text(parts[0]));
          expect(text(table.save())).to.equal(kept);
        }
      });

      it('leave the JSON that they were restored from as it is', () => {
        const fixed = parts.map((part) => frozen(wired(part)));
        const first = text(savedMembers(together(fixed)));
        expect(fixed.map(text)).to.deep.equal(parts.map(text));
        expect(text(savedMembers(together(fixed)))).to.equal(first);
      });

      it('leave what they saved before as it was', () => {
        const table = together([parts[0]]);
        const before = savedMembers(table);
        const kept = text(before);
        table.merge(parts[1]);
        table.merge(parts[2]);
        expect(text(before)).to.equal(kept);
      });
    });
  }
});
