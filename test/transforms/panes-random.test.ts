import { rmSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { loadConfig } from '../../launch/config/config.js';
import { formatProblem } from '../../launch/config/problem.js';
import { ACK, FIN, FLAGS_UNKNOWN, PSH, RST, SYN, TCP } from '../../pipeline/codes.js';
import type { Finding } from '../../pipeline/finding.js';
import { compileSnapshot } from '../../reference/compile.js';
import { MemoryStore } from '../local/streaming/memory-store.js';
import { batchOf, type PlainFlow } from '../pipeline/flow-rows.js';
import {
  runBatch,
  runStream,
  runStreamTwice,
  WINDOW_MS,
  type PaneEvent,
  type PanesSpec,
} from './panes-graph.js';

const RUNS = Number(process.env['FLOWSIEVE_TEST_PANE_RUNS'] ?? 100);
const T0 = Date.UTC(2025, 2, 3, 12);

const FILES = {
  'flowsieve.yaml': `
customers: customers.csv
inputs:
  - { uri: flows.csv, format: csv }
reference:
  feeds:
    - { name: c2s, kind: tags, category: c2, format: address-list, uri: c2.txt }
    - { name: attackers, kind: tags, category: attacker, format: address-list, uri: attackers.txt }
    - { name: tor, kind: tags, category: tor, format: address-list, uri: tor.txt }
    - { name: honeypots, kind: tags, category: honeypot, format: address-list, uri: honeypots.txt }
    - { name: scan, kind: inventory, format: csv, uri: inventory.csv }
  snapshot: snapshot/
filters:
  unpublicized-remote: { targets: 2 }
  targeted-by-threat: { minAddresses: 2 }
  insecure-service-outbound: { minBytes: 1000, shellMinutes: 1 }
window: 5m
findingWindow: 1d
output: out
`,
  'flows.csv': 'start,end\n',
  'customers.csv': 'customer,cidr,exclusive\nacme,198.18.0.0/20,\nbirch,198.18.16.0/20,\n',
  'c2.txt': '198.19.208.1\n198.19.208.2:443\n',
  'attackers.txt': '198.19.164.1\n',
  'tor.txt': '198.19.212.1\n',
  'honeypots.txt': '198.19.214.1\n',
  'inventory.csv':
    'ip,port,protocol,service,tags,seen-first,seen-last\n' +
    '198.18.0.1,23,tcp,telnet,telnet,2025-01-06,2025-03-02\n' +
    '198.19.216.1,23,tcp,telnet,telnet,2025-01-06,2025-03-02\n',
} as const;

const OURS = ['198.18.0.1', '198.18.0.2', '198.18.16.1'] as const;
const REMOTES = [
  '198.19.208.1',
  '198.19.208.2',
  '198.19.164.1',
  '198.19.212.1',
  '198.19.214.1',
  '198.19.216.1',
  '240.0.0.1',
  '240.0.0.2',
] as const;
/** Ours and the remote's: either may look like the server, and some pairs say nothing. */
const PORTS = [
  [50_000, 443],
  [50_001, 443],
  [23, 50_000],
  [40_000, 23],
  [20_000, 20_001],
  [30_000, 30_000],
] as const;
const FLAGS = [
  SYN,
  SYN | ACK,
  SYN | ACK | PSH,
  ACK,
  ACK | PSH,
  ACK | PSH | FIN,
  RST | ACK,
  FLAGS_UNKNOWN,
] as const;

interface Profile {
  readonly remotes: readonly string[];
  readonly ports: readonly (readonly [ours: number, remote: number])[];
  readonly flags: readonly number[];
  readonly conversations: number;
}

/**
 * What is likely to meet: anything; sides that turn with a late SYN; conversations of one finding,
 * some of them proven; probes and their answers.
 */
const PROFILES: readonly Profile[] = [
  { remotes: REMOTES, ports: PORTS, flags: FLAGS, conversations: 5 },
  {
    remotes: REMOTES.slice(0, 6),
    ports: [PORTS[4], PORTS[3], PORTS[2]],
    flags: [ACK, ACK | PSH, ACK | PSH, ACK | PSH | FIN, SYN, SYN | ACK],
    conversations: 2,
  },
  {
    remotes: ['198.19.208.2', '198.19.212.1'],
    ports: [PORTS[0], PORTS[1], [50_002, 443]],
    flags: [ACK | PSH, ACK | PSH, SYN, SYN | ACK],
    conversations: 4,
  },
  {
    remotes: ['240.0.0.1', '240.0.0.2', '240.0.0.3'],
    ports: [PORTS[0], PORTS[1]],
    flags: [SYN, SYN, SYN, SYN, SYN, SYN | ACK, ACK],
    conversations: 5,
  },
];

/** Records of a few conversations, so that they meet. */
const flows = fc.constantFrom(...PROFILES).chain((profile) => {
  const conversations = fc.uniqueArray(
    fc.record({
      ours: fc.constantFrom(...OURS),
      remote: fc.constantFrom(...profile.remotes),
      ports: fc.constantFrom(...profile.ports),
    }),
    {
      minLength: 1,
      maxLength: profile.conversations,
      selector: ({ ours, remote, ports }) => `${ours} ${remote} ${ports.join()}`,
    },
  );
  const record = fc.record({
    conversation: fc.nat(),
    outbound: fc.boolean(),
    flags: fc.constantFrom(...profile.flags),
    packets: fc.constantFrom(1, 2, 5),
    size: fc.constantFrom(40, 100, 1400),
    atMs: fc.oneof(fc.nat(3 * WINDOW_MS - 1), fc.constantFrom(0, 1000, WINDOW_MS, WINDOW_MS - 1)),
    lengthMs: fc.constantFrom(0, 10, 90_000),
    sensor: fc.constantFrom('edge-1', 'edge-2'),
    samplingRate: fc.constantFrom(1, 100),
  });
  return fc
    .tuple(conversations, fc.array(record, { minLength: 1, maxLength: 24 }))
    .map(([chosen, records]) =>
      records.map(({ conversation, outbound, flags, packets, size, atMs, lengthMs, ...rest }) => {
        const { ours, remote, ports } = chosen[conversation % chosen.length];
        const [ourPort, remotePort] = ports;
        return {
          src: outbound ? ours : remote,
          dst: outbound ? remote : ours,
          srcPort: outbound ? ourPort : remotePort,
          dstPort: outbound ? remotePort : ourPort,
          protocol: TCP,
          startMs: T0 + atMs - lengthMs,
          endMs: T0 + atMs,
          packets,
          bytes: packets * size,
          tcpFlags: flags,
          ...rest,
        } satisfies PlainFlow;
      }),
    );
});

const LATENESS_MS = 600_000;

interface Step {
  /** Records that come at once, in how many batches. */
  readonly records: number;
  readonly batches: number;
  readonly timeMs: number;
  /** How far the watermark goes of the way that it may. */
  readonly watermark: number;
}

/** Records in the order in which they come, some of them twice, and what happens between them. */
const histories = flows.chain((all) =>
  fc.record({
    flows: fc.constant(all),
    arriving: fc.array(fc.nat(all.length - 1), { maxLength: 6 }).chain((again) =>
      fc.shuffledSubarray([...all.keys(), ...again], {
        minLength: all.length + again.length,
      }),
    ),
    steps: fc.array(
      fc.record({
        records: fc.integer({ min: 1, max: 4 }),
        batches: fc.integer({ min: 1, max: 2 }),
        timeMs: fc.constantFrom(0, 100, 600, 3000, 12_000, 200_000),
        watermark: fc.constantFrom(0, 0, 0.3, 0.7, 1),
      } satisfies { [Name in keyof Step]: fc.Arbitrary<number> }),
      { minLength: 1, maxLength: 10 },
    ),
    shards: fc.constantFrom(1, 3),
    findingWindowMs: fc.constantFrom(2 * WINDOW_MS, 86_400_000),
    /** For a sink that fails. */
    published: fc.nat(12),
  }),
);

/** What happens to the job; nothing comes so late that its window has closed. */
function eventsOf(
  flows: readonly PlainFlow[],
  arriving: readonly number[],
  steps: readonly Step[],
): PaneEvent[] {
  const events: PaneEvent[] = [];
  const left = arriving.map((i) => flows[i]);
  let watermarkMs = T0 - WINDOW_MS;
  for (let n = 0; left.length > 0; n++) {
    const { records, batches, timeMs, watermark } = steps[n % steps.length];
    const now = left.splice(0, records);
    const each = Math.ceil(now.length / batches);
    const cut = Array.from({ length: Math.ceil(now.length / each) }, (_unused, i) =>
      batchOf(4, now.slice(i * each, (i + 1) * each)),
    );
    events.push({ kind: 'batches', batches: cut });
    if (timeMs > 0) events.push({ kind: 'time', ms: timeMs });
    const ends = left.map(({ endMs = 0 }) => (Math.floor(endMs / WINDOW_MS) + 1) * WINDOW_MS);
    const furthestMs = Math.min(...ends, T0 + 8 * WINDOW_MS) + LATENESS_MS - 1;
    watermarkMs += Math.floor(Math.max(0, furthestMs - watermarkMs) * watermark);
    events.push({ kind: 'watermark', ms: watermarkMs });
  }
  return events;
}

/** What a reader of all revisions is left with: the highest by id, if not withdrawn. */
function finalSet(published: readonly Finding[]): Map<string, Finding> {
  const last = new Map<string, Finding>();
  for (const finding of published) {
    const known = last.get(finding.id);
    if (known === undefined || finding.revision > known.revision) last.set(finding.id, finding);
  }
  for (const [id, { status }] of last) if (status === 'withdrawn') last.delete(id);
  return last;
}

function plain(findings: Iterable<Finding>): unknown[] {
  return [...findings]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map((finding) => ({ ...finding, revision: 0 }));
}

/** Revisions grow as they are published, and one that is told again says the same. */
function expectOrder(published: readonly Finding[]): void {
  const last = new Map<string, Finding>();
  for (const finding of published) {
    const known = last.get(finding.id);
    if (known !== undefined) {
      expect(finding.revision, finding.id).to.be.at.least(known.revision);
      if (finding.revision === known.revision) expect(finding).to.deep.equal(known);
    }
    last.set(finding.id, finding);
  }
}

describe('panes of random histories', function () {
  this.timeout(3_600_000);
  let directory = '';
  let base: Omit<PanesSpec, 'findingWindowMs' | 'shards'>;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'flowsieve-test-'));
    for (const [name, text] of Object.entries(FILES)) writeFileSync(join(directory, name), text);
    const loaded = await loadConfig(join(directory, 'flowsieve.yaml'));
    if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
    const { reference, filters } = loaded.config;
    const { version } = await compileSnapshot(reference.spec, reference.snapshot);
    base = {
      reference: { version, directory: reference.snapshot },
      filters,
      allowedLatenessMs: LATENESS_MS,
      earlyMs: 5000,
    };
  });

  after(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  it(`${RUNS} of them leave what one batch run finds, and revisions only grow`, async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(histories, async ({ flows, arriving, steps, ...shape }) => {
        const spec = { ...base, ...shape };
        const expected = await runBatch(spec, [batchOf(4, flows)]);
        const store = new MemoryStore();
        const { published, counters } = await runStream(
          spec,
          eventsOf(flows, arriving, steps),
          store,
        );
        for (const { filter, status } of published) seen.add(`${filter} ${status}`);
        expect(plain(finalSet(published).values())).to.deep.equal(plain(expected));
        expectOrder(published);
        const dropped = Object.entries(counters).filter(
          ([name, value]) => /^dropped\/(late|finished)/.test(name) && value > 0,
        );
        expect(dropped).to.deep.equal([]);
        const open = store.keys.filter((key) => /^[gv]\//.test(key));
        expect(open).to.deep.equal([]);
      }),
      { numRuns: RUNS },
    );
    // The histories are of some worth.
    expect([...seen]).to.include.members(['known-bad-remote open', 'honeypot-contact open']);
  });

  it('a sink that fails once: all that is delivered again changes nothing in the end', async () => {
    await fc.assert(
      fc.asyncProperty(
        histories,
        async ({ flows, arriving, steps, published: count, ...shape }) => {
          const spec = { ...base, ...shape };
          const expected = await runBatch(spec, [batchOf(4, flows)]);
          const events = eventsOf(flows, arriving, steps);
          const { published } = await runStreamTwice(spec, events, new MemoryStore(), count);
          expect(plain(finalSet(published).values())).to.deep.equal(plain(expected));
        },
      ),
      { numRuns: Math.ceil(RUNS / 3) },
    );
  });
});
