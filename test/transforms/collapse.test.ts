import { expect } from 'chai';
import fc from 'fast-check';
import { REASON } from '../../pipeline/codes.js';
import type { Evidence, Finding } from '../../pipeline/finding.js';
import type { Hit, HitCounter } from '../../pipeline/hit.js';
import { ConversationSample } from '../../transforms/collapse/conversation-sample.js';
import {
  FindingState,
  findingKey,
  findingWindowStart,
  type FindingStateJson,
} from '../../transforms/collapse/finding-state.js';
import { addBySensor, trafficOf } from '../../pipeline/traffic.js';

const WINDOW_MS = 300_000;
const DAY_MS = 86_400_000;
const T0 = Date.UTC(2026, 0, 1);

function counter(sensor: string, samplingRate: number, counts: readonly number[]): HitCounter {
  const [outPackets, outBytes, inPackets, inBytes] = counts;
  return { sensor, samplingRate, outPackets, outBytes, inPackets, inBytes };
}

function list(feed: string, entry = '203.0.113.7'): Evidence {
  return { type: 'list', feed, entry, category: 'c2', feedVersion: 'v1' };
}

/** A hit in the window of that number; what is not given is the same in all. */
function hitOf(window: number, given: Partial<Hit> = {}): Hit {
  const windowStartMs = T0 + window * WINDOW_MS;
  return {
    filter: 'known-bad-remote',
    severity: 'high',
    confidence: 'medium',
    customer: 'acme',
    subject: '198.51.100.10',
    customerAddress: '198.51.100.10',
    customerPort: 50_000,
    role: 'client',
    remoteAddress: '203.0.113.7',
    remotePort: 443,
    remoteCountry: '',
    protocol: 6,
    service: '443/tcp',
    indicator: '203.0.113.7',
    evidence: [list('a')],
    reason: REASON.knownService,
    referenceVersion: 'v1',
    windowStartMs,
    windowEndMs: windowStartMs + WINDOW_MS,
    firstMs: windowStartMs + 1,
    lastMs: windowStartMs + 2,
    records: 1,
    counters: [counter('s', 10, [1, 40, 2, 90])],
    ...given,
  };
}

function stateOf(hits: readonly Hit[]): FindingState {
  const state = FindingState.ofHit(hits[0], T0);
  for (const hit of hits.slice(1)) state.add(hit);
  return state;
}

function findingOf(hits: readonly Hit[]): Finding {
  return stateOf(hits).finding();
}

/** Hits of one finding, their counts a function of conversation, window and records, as panes' are. */
const someHits = fc.array(
  fc
    .record({
      window: fc.nat(12),
      port: fc.constantFrom(50_000, 50_001, 50_002),
      records: fc.constantFrom(1, 1, 2, 5),
      reason: fc.constantFrom(REASON.lowerPort, REASON.handshake),
      role: fc.constantFrom('client' as const, 'unknown' as const),
      severity: fc.constantFrom('low' as const, 'critical' as const),
      confidence: fc.constantFrom('low' as const, 'high' as const),
      feeds: fc.subarray(['a', 'b', 'c']),
      referenceVersion: fc.constantFrom('v1', 'v2'),
    })
    .map(({ window, port, records, feeds, ...rest }) =>
      hitOf(window, {
        ...rest,
        customerPort: port,
        records,
        evidence: feeds.map((feed) => list(feed)),
        firstMs: T0 + window * WINDOW_MS - records,
        counters: [
          counter('s', 10, [records, records * 50, 0, 0]),
          counter(`t${window % 2}`, 20, [0, 0, records + port, records * 9]),
        ],
      }),
    ),
  { minLength: 1, maxLength: 30 },
);

/** Puts hits into states by a plan, and merges those as JSON in the plan's order. */
function merged(hits: readonly Hit[], groups: readonly number[]): Finding {
  const states = new Map<number, Hit[]>();
  hits.forEach((hit, i) => {
    const group = groups[i % groups.length];
    const known = states.get(group);
    if (known === undefined) states.set(group, [hit]);
    else known.push(hit);
  });
  const texts = [...states.values()].map((group) => JSON.stringify(stateOf(group).toJson()));
  const [first, ...rest] = texts.map((text) => JSON.parse(text) as FindingStateJson);
  const state = FindingState.fromJson(first);
  for (const json of rest) state.merge(json);
  return state.finding();
}

describe('FindingState', () => {
  it('gives the same finding for any order and grouping of hits', () => {
    const plans = someHits.chain((hits) =>
      fc.tuple(
        fc.constant(hits),
        fc.shuffledSubarray(hits, { minLength: hits.length }),
        fc.array(fc.nat(4), { minLength: 1, maxLength: 9 }),
      ),
    );
    fc.assert(
      fc.property(plans, ([hits, shuffled, groups]) => {
        const expected = findingOf(hits);
        expect(findingOf(shuffled)).to.deep.equal(expected);
        expect(merged(shuffled, groups)).to.deep.equal(expected);
        expect(merged([...hits, ...shuffled], groups)).to.deep.equal(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('counts the version of a conversation’s window with most records', () => {
    const early = hitOf(0, { records: 2, counters: [counter('s', 1, [2, 80, 0, 0])] });
    const late = hitOf(0, { records: 5, counters: [counter('s', 1, [5, 200, 0, 0])] });
    for (const hits of [
      [early, late],
      [late, early],
      [early, late, early, late],
    ]) {
      const { conversations, revision, packetsOut, bytesOut } = findingOf(hits);
      expect([conversations, revision, packetsOut, bytesOut]).to.deep.equal([1, 5, 5, 200]);
    }
  });

  const gaps = [
    [[0], 1],
    [[0, 1, 2], 1],
    [[0, 2, 4], 1],
    [[0, 3], 2],
    [[0, 2, 5, 6, 9], 3],
    [[9, 0, 3, 2, 6], 3],
  ] as const;
  for (const [windows, expected] of gaps) {
    it(`counts windows ${windows.join(', ')} as ${expected} conversation(s)`, () => {
      expect(findingOf(windows.map((window) => hitOf(window))).conversations).to.equal(expected);
    });
  }

  it('counts other ports as other conversations, and then names no port', () => {
    const same = findingOf([hitOf(0), hitOf(1)]);
    expect([same.customerPort, same.remotePort]).to.deep.equal([50_000, 443]);
    const ports = findingOf([hitOf(0), hitOf(0, { customerPort: 50_001 })]);
    expect([ports.conversations, ports.customerPort, ports.remotePort]).to.deep.equal([
      2,
      null,
      443,
    ]);
    const remotes = findingOf([hitOf(0), hitOf(0, { remotePort: 444 })]);
    expect([remotes.conversations, remotes.customerPort, remotes.remotePort]).to.deep.equal([
      2,
      50_000,
      null,
    ]);
  });

  it('takes the strongest severity, confidence and reason, and the role of that reason', () => {
    const found = findingOf([
      hitOf(0, { severity: 'low', confidence: 'low', reason: REASON.lowerPort, role: 'unknown' }),
      hitOf(1, {
        severity: 'critical',
        confidence: 'low',
        reason: REASON.handshake,
        role: 'server',
      }),
      hitOf(2, {
        severity: 'medium',
        confidence: 'high',
        reason: REASON.lowerPort,
        role: 'client',
      }),
    ]);
    expect(found).to.include({ severity: 'critical', confidence: 'high', customerRole: 'server' });
    expect(found.orientation).to.deep.equal({ reason: 'handshake', confidence: 'high' });
    expect(found.firstSeen).to.equal('2026-01-01T00:00:00.001Z');
    expect(found.lastSeen).to.equal('2026-01-01T00:10:00.002Z');
  });

  it('adds windows within a sensor, then takes the sensor that saw most of each direction', () => {
    const found = findingOf([
      hitOf(0, { counters: [counter('a', 10, [3, 300, 1, 10]), counter('b', 100, [1, 90, 0, 0])] }),
      hitOf(1, { counters: [counter('a', 10, [9, 900, 0, 0]), counter('c', 1, [0, 0, 11, 800])] }),
    ]);
    // Out: a 12 x 10 = 120 > b 1 x 100. In: c 11 x 1 > a 1 x 10.
    expect(found).to.include({ packetsOut: 12, bytesOut: 1200, packetsIn: 11, bytesIn: 800 });
    expect(found.samplingRate).to.equal(100);
    expect(found.sensors).to.deep.equal(['a', 'b', 'c']);
  });

  it('keeps proof and sensors bounded, the same whatever their order', () => {
    const names = Array.from({ length: 1000 }, (_unused, i) => `n${(i * 7919) % 1000}`);
    const hits = names.map((name, i) =>
      hitOf(i % 3, {
        evidence: [list(name), list('all')],
        counters: [counter(name, 1, [1, 1, 1, 1])],
      }),
    );
    const found = findingOf(hits);
    expect(found.evidence.length).to.equal(64);
    expect(found.sensors).to.deep.equal([...names].sort().slice(0, 256));
    expect(merged([...hits].reverse(), [0, 1, 2])).to.deep.include({
      evidence: found.evidence,
      sensors: found.sensors,
    });
    const json = stateOf(hits).toJson();
    expect(json.evidence.length).to.be.at.most(128);
    expect(json.sensors.length).to.be.at.most(512);
  });

  it('lists equal evidence once, whatever the order of its fields', () => {
    const { type, feed, entry, category, feedVersion } = list('a') as Extract<
      Evidence,
      { type: 'list' }
    >;
    const turned: Evidence = { feedVersion, category, entry, feed, type };
    expect(findingOf([hitOf(0), hitOf(1, { evidence: [turned] })]).evidence.length).to.equal(1);
  });

  it('keeps findings apart by day and by each part of the key', () => {
    const keys = new Set([
      findingKey(hitOf(0), DAY_MS),
      findingKey(hitOf(288), DAY_MS),
      ...['customer', 'filter', 'subject', 'remoteAddress', 'service', 'indicator'].map((part) =>
        findingKey(hitOf(0, { [part]: 'other' }), DAY_MS),
      ),
    ]);
    expect(keys.size).to.equal(8);
    expect(findingKey(hitOf(287), DAY_MS)).to.equal(findingKey(hitOf(0), DAY_MS));
    expect(findingWindowStart(hitOf(287), DAY_MS)).to.equal(T0);
    expect(findingWindowStart(hitOf(288), DAY_MS)).to.equal(T0 + DAY_MS);
    expect(findingWindowStart(hitOf(-1), DAY_MS)).to.equal(T0 - DAY_MS);
  });
});

/** Sightings of many conversations, each a few windows long. */
const crowds = [
  ['20,000 with ports of their own', 20_000, 65_536],
  ['200,000 that use 28,232 ports again and again', 200_000, 28_232],
  ['5,000 on 100 ports', 5_000, 100],
] as const;

describe('FindingState of more conversations than it tells apart', () => {
  for (const [name, count, ports] of crowds) {
    it(`counts ${name} within 5 %, and says that it estimates`, () => {
      const hits: Hit[] = [];
      for (let i = 0; i < count; i++) {
        // Those on one port are five windows apart: conversations of their own.
        const window = Math.floor(i / ports) * 5 + (i % 2);
        const customerPort = i % ports;
        const remotePort = ports === 65_536 ? i % 3 : 443;
        hits.push(hitOf(window, { customerPort, remotePort }));
        if (i % 3 === 0) hits.push(hitOf(window + 2, { customerPort, remotePort }));
      }
      const found = findingOf(hits);
      expect(found.conversationsEstimated).to.equal(true);
      expect(found.conversations / count).to.be.within(0.95, 1.05);
      expect(found.revision).to.equal(hits.length);
      expect(found.packetsOut).to.equal(hits.length);
      const halves = merged([...hits].reverse(), [0, 1, 1]);
      expect(halves).to.deep.equal(found);
    });
  }

  it('tells 2,000 apart and no more', () => {
    const hits = Array.from({ length: 2001 }, (_unused, i) => hitOf(0, { customerPort: i }));
    const exact = findingOf([...hits.slice(0, 2000), ...hits.slice(0, 2000)]);
    expect([exact.conversations, exact.conversationsEstimated]).to.deep.equal([2000, false]);
    const more = findingOf(hits);
    expect([more.conversations, more.conversationsEstimated]).to.deep.equal([2001, true]);
  });

  it('has a state on the wire that does not grow with conversations', () => {
    const size = (count: number): number => {
      const hits = Array.from({ length: count }, (_unused, i) =>
        hitOf(i % 288, { customerPort: i & 0xffff, remotePort: i >>> 16 }),
      );
      return JSON.stringify(stateOf(hits).toJson()).length;
    };
    expect(size(200_000)).to.be.below(120_000);
    expect(size(2000)).to.be.below(1_000_000);
  });
});

describe('ConversationSample', () => {
  it('is exact while it holds all cells, over borders of cells too', () => {
    const windows = fc.array(fc.tuple(fc.nat(5), fc.nat(40)), { maxLength: 60 });
    fc.assert(
      fc.property(windows, (seen) => {
        const sample = new ConversationSample();
        for (const [key, window] of seen) sample.add(String(key), window);
        const set = new Set(seen.map(([key, window]) => `${key} ${window}`));
        const starts = [...set].filter((one) => {
          const [key, window] = one.split(' ').map(Number);
          return !set.has(`${key} ${window - 1}`) && !set.has(`${key} ${window - 2}`);
        });
        expect(sample.count()).to.equal(starts.length);
        expect(ConversationSample.fromText(sample.toText()).count()).to.equal(starts.length);
      }),
    );
  });

  it('gives the same in any order and grouping, and for sightings that come again', () => {
    const one = new ConversationSample();
    const parts = [0, 1, 2].map(() => new ConversationSample());
    for (let i = 0; i < 60_000; i++) one.add(`k${i}`, i % 50);
    for (let i = 59_999; i >= 0; i--) parts[i % 3].add(`k${i}`, i % 50);
    for (let i = 0; i < 60_000; i += 7) parts[i % 2].add(`k${i}`, i % 50);
    const all = ConversationSample.fromText(parts[2].toText());
    all.merge(parts[0]);
    all.merge(ConversationSample.fromText(parts[1].toText()));
    expect(all.toText()).to.equal(one.toText());
    expect(all.count()).to.equal(one.count());
    expect(all.count() / 60_000).to.be.within(0.95, 1.05);
  });

  it('errs by no more than it says, over many runs', () => {
    let squares = 0;
    for (let run = 0; run < 30; run++) {
      const sample = new ConversationSample();
      for (let i = 0; i < 30_000; i++) sample.add(`${run}:${i}>443`, i % 7);
      squares += (sample.count() / 30_000 - 1) ** 2;
    }
    expect(Math.sqrt(squares / 30)).to.be.below(0.018);
  });
});

describe('trafficOf', () => {
  const cases = [
    ['nobody', [], [0, 0, 0, 0]],
    ['one sensor', [counter('a', 1, [1, 2, 3, 4])], [1, 2, 3, 4]],
    [
      'packets x rate, not packets',
      [counter('a', 1, [9, 1, 0, 0]), counter('b', 10, [9, 2, 0, 0])],
      [9, 2, 0, 0],
    ],
    [
      'but no single packet that may be luck',
      [counter('a', 1, [170, 1, 0, 0]), counter('b', 1000, [1, 2, 0, 0])],
      [170, 1, 0, 0],
    ],
    [
      'the greater estimate where none is sure',
      [counter('a', 10, [1, 1, 0, 0]), counter('b', 1000, [1, 2, 0, 0])],
      [1, 2, 0, 0],
    ],
    [
      'an unknown rate counts as 1',
      [counter('a', 0, [9, 1, 0, 0]), counter('b', 1, [8, 2, 0, 0])],
      [9, 1, 0, 0],
    ],
    [
      'of equals the finer rate',
      [counter('a', 10, [1, 1, 0, 0]), counter('b', 1, [10, 2, 0, 0])],
      [10, 2, 0, 0],
    ],
    [
      'a direction each',
      [counter('a', 1, [5, 50, 1, 1]), counter('b', 1, [1, 1, 5, 60])],
      [5, 50, 5, 60],
    ],
  ] as const;
  for (const [name, counters, [packetsOut, bytesOut, packetsIn, bytesIn]] of cases) {
    it(name, () => {
      const expected = { packetsOut, bytesOut, packetsIn, bytesIn };
      expect(trafficOf(counters)).to.deep.equal(expected);
      expect(trafficOf([...counters].reverse())).to.deep.equal(expected);
    });
  }

  it('adds windows of a sensor and rate before', () => {
    const sums = addBySensor([
      [counter('b', 1, [1, 1, 1, 1]), counter('a', 2, [1, 1, 1, 1])],
      [counter('a', 2, [1, 2, 3, 4]), counter('a', 1, [5, 5, 5, 5])],
    ]);
    expect(sums).to.deep.equal([
      counter('a', 1, [5, 5, 5, 5]),
      counter('a', 2, [2, 3, 4, 5]),
      counter('b', 1, [1, 1, 1, 1]),
    ]);
  });
});
