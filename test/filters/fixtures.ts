import { expect } from 'chai';
import { addressOf, formatAddressAt } from '../../pipeline/address.js';
import { GRADE, REASON, ROLE } from '../../pipeline/codes.js';
import {
  allocateConversations,
  type ConversationBatch,
} from '../../pipeline/conversation-batch.js';
import type { Finding } from '../../pipeline/finding.js';
import type { Hit } from '../../pipeline/hit.js';
import type { Reference, ServiceEntry, TagEntry } from '../../reference/reference.js';
import { special4, special6 } from '../../reference/special-addresses.js';
import { detectHits } from '../../filters/detect.js';
import type { ConversationFilter } from '../../filters/filter.js';
import { CONVERSATION_FILTERS } from '../../filters/filters.js';
import { planFilters, preparePolicies } from '../../filters/policies.js';

/** What the fake snapshot holds. Tags and services by the text of an address or ip:port. */
export interface FakeTables {
  readonly tags?: Readonly<Record<string, readonly (TagEntry | readonly [string, string])[]>>;
  readonly countries?: Readonly<Record<string, string>>;
  readonly services?: Readonly<Record<string, readonly string[]>>;
  /** All customers that the snapshot knows. */
  readonly customers?: readonly string[];
}

/** A snapshot in plain maps, with ids in the order of appearance. */
export interface FakeReference extends Reference {
  tagSet(key: string): number;
  serviceId(key: string): number;
  countryId(address: string): number;
}

const VERSION = 'snapshot-1';

/** A tag given as [category, entry] comes from feed `feed-CATEGORY`. */
export function fakeReference(tables: FakeTables = {}): FakeReference {
  const sets: (readonly TagEntry[])[] = [[]];
  const setOf = new Map<string, number>();
  for (const [key, entries] of Object.entries(tables.tags ?? {})) {
    setOf.set(key, sets.length);
    sets.push(entries.map(tagEntry));
  }
  const categories = [...new Set(sets.flat().map(({ category }) => category))];
  const maskOf = (all: readonly string[], names: Iterable<string>): number =>
    [...names].reduce((mask, name) => {
      const bit = all.indexOf(name);
      return bit < 0 ? mask : mask | (1 << bit);
    }, 0);

  const services: ServiceEntry[] = [];
  const serviceOf = new Map<string, number>();
  for (const [key, tags] of Object.entries(tables.services ?? {})) {
    services.push({ entry: `${key}/tcp`, service: 'svc', tags, feed: 'scan', feedVersion: 'v1' });
    serviceOf.set(key, services.length);
  }
  const serviceTags = [...new Set(services.flatMap(({ tags }) => tags))];

  const codes = ['', ...new Set(Object.values(tables.countries ?? {}))];
  const none = { find4: () => 0, find6: () => 0 };
  return {
    version: VERSION,
    customers: {
      ...none,
      customers: tables.customers ?? [],
      claimants: () => [],
      exclusive: () => false,
    },
    tags: {
      ...none,
      categories,
      mask: (names) => maskOf(categories, names),
      findEndpoint4: () => 0,
      findEndpoint6: () => 0,
      categoriesOf: (set) =>
        maskOf(
          categories,
          sets[set].map(({ category }) => category),
        ),
      entries: (set) => sets[set],
    },
    countries: { ...none, codes, feed: 'geo', feedVersion: 'v1' },
    routed: undefined,
    coverage: undefined,
    inventory: {
      ...none,
      ...servicesByAddress(services, (tags) => maskOf(serviceTags, tags)),
      tagsOf: (id) => (id === 0 ? 0 : maskOf(serviceTags, services[id - 1].tags)),
      tagMask: (names) => maskOf(serviceTags, names),
      entry: (id) => services[id - 1],
    },
    tagSet: (key) => setOf.get(key) ?? 0,
    serviceId: (key) => serviceOf.get(key) ?? 0,
    countryId: (address) => Math.max(0, codes.indexOf(tables.countries?.[address] ?? '')),
  };
}

/** What a snapshot answers of all services at one address. */
function servicesByAddress(
  services: readonly ServiceEntry[],
  maskOf: (tags: readonly string[]) => number,
): Pick<Reference['inventory'], 'knows4' | 'knows6' | 'tagsAt4' | 'tagsAt6' | 'entriesAt'> {
  const at = (family: 4 | 6, words: Uint32Array): readonly ServiceEntry[] => {
    const address = formatAddressAt(family, words, 0);
    const start = family === 4 ? `${address}:` : `[${address}]:`;
    return services.filter(({ entry }) => entry.startsWith(start));
  };
  const tagsAt = (family: 4 | 6, ...words: readonly number[]): number =>
    maskOf(at(family, Uint32Array.from(words)).flatMap(({ tags }) => tags));
  return {
    knows4: (word) => at(4, Uint32Array.of(word)).length > 0,
    knows6: (...words) => at(6, Uint32Array.from(words)).length > 0,
    tagsAt4: (word) => tagsAt(4, word),
    tagsAt6: (...words) => tagsAt(6, ...words),
    entriesAt: (family, words, first) => at(family, words.subarray(first)),
  };
}

function tagEntry(entry: TagEntry | readonly [string, string]): TagEntry {
  if ('category' in entry) return entry;
  const [category, text] = entry;
  return { category, feed: `feed-${category}`, feedVersion: 'v1', entry: text };
}

/** One conversation; what is not given is an ordinary, well-oriented client talking to a remote's port 443. */
export interface FakeConversation {
  readonly customer?: string;
  readonly customerAddress?: string;
  readonly customerPort?: number;
  readonly remote?: string;
  readonly remotePort?: number;
  readonly role?: keyof typeof ROLE;
  readonly reason?: keyof typeof REASON;
  readonly grade?: keyof typeof GRADE;
  readonly shared?: boolean;
  /** TCP flags of what the customer sent and received. */
  readonly flagsOut?: number;
  readonly flagsIn?: number;
  readonly packetsOut?: number;
  readonly bytesOut?: number;
  readonly packetsIn?: number;
  readonly bytesIn?: number;
  readonly samplingRate?: number;
  /** All rows of a batch have the sensor of the first. */
  readonly sensor?: string;
  readonly records?: number;
  /** Start of the conversation window of 5 minutes, and times in it. */
  readonly windowStartMs?: number;
  readonly firstMs?: number;
  readonly lastMs?: number;
}

export const CUSTOMER = '198.51.100.10';
export const REMOTE = '203.0.113.7';

/** Rows as a batch, joined with `reference`. All of one family. */
export function fakeBatch(
  rows: readonly FakeConversation[],
  reference: FakeReference,
): ConversationBatch {
  const family = addressOf(rows[0]?.remote ?? REMOTE)?.family ?? 4;
  const customers = [...new Set(rows.map(({ customer }) => customer ?? 'acme'))];
  const { columns, counters } = allocateConversations(family, rows.length, rows.length);
  const width = family === 4 ? 1 : 4;
  rows.forEach((given, row) => {
    const remote = given.remote ?? REMOTE;
    const role = given.role ?? 'client';
    const server = role === 'server';
    const remotePort = given.remotePort ?? (server ? 50_000 : 443);
    const words = wordsOf(remote);
    const own = family === 4 ? CUSTOMER : '2001:db8:1::10';
    columns.customerAddr.set(wordsOf(given.customerAddress ?? own).subarray(0, width), row * width);
    columns.remoteAddr.set(words.subarray(0, width), row * width);
    columns.customer[row] = customers.indexOf(given.customer ?? 'acme');
    columns.customerPort[row] = given.customerPort ?? (server ? 443 : 50_000);
    columns.remotePort[row] = remotePort;
    columns.protocol[row] = 6;
    columns.role[row] = ROLE[role];
    columns.reason[row] = REASON[given.reason ?? (role === 'unknown' ? 'unknown' : 'handshake')];
    columns.grade[row] = GRADE[given.grade ?? 'strong'];
    columns.remoteShared[row] = given.shared === true ? 1 : 0;
    const start = given.windowStartMs ?? 0;
    columns.windowStartMs[row] = start;
    columns.windowEndMs[row] = start + 300_000;
    columns.firstMs[row] = given.firstMs ?? start + 1_000;
    columns.lastMs[row] = given.lastMs ?? start + 2_000;
    columns.records[row] = given.records ?? 3;
    columns.flagsOut[row] = given.flagsOut ?? 0;
    columns.flagsIn[row] = given.flagsIn ?? 0;
    columns.counterStart[row] = row;
    counters.outPackets[row] = given.packetsOut ?? 10;
    counters.outBytes[row] = given.bytesOut ?? 1_000;
    counters.inPackets[row] = given.packetsIn ?? 20;
    counters.inBytes[row] = given.bytesIn ?? 9_000;
    counters.samplingRate[row] = given.samplingRate ?? 100;
    const endpoint = family === 4 ? `${remote}:${remotePort}` : `[${remote}]:${remotePort}`;
    columns.remoteTags[row] = reference.tagSet(remote);
    columns.remoteEndpointTags[row] = reference.tagSet(endpoint);
    columns.remoteService[row] = reference.serviceId(endpoint);
    const ownPort = columns.customerPort[row];
    const ownAddress = given.customerAddress ?? own;
    columns.customerService[row] = reference.serviceId(
      family === 4 ? `${ownAddress}:${ownPort}` : `[${ownAddress}]:${ownPort}`,
    );
    columns.remoteCountry[row] = reference.countryId(remote);
    columns.remoteSpecial[row] =
      family === 4 ? special4(words[0]) : special6(words[0], words[1], words[2], words[3]);
  });
  return {
    origin: { key: '0/0/4', revision: 1, part: 0 },
    family,
    rows: rows.length,
    counterRows: rows.length,
    sensors: [rows[0]?.sensor ?? 'edge-1'],
    customers,
    referenceVersion: reference.version,
    columns,
    counters,
  };
}

/** All hits of all filters under a configuration, which must be free of problems. */
export function allHits(
  batch: ConversationBatch,
  reference: FakeReference,
  config: { readonly filters?: unknown; readonly policies?: unknown } = {},
  filters: readonly ConversationFilter[] = CONVERSATION_FILTERS,
): Hit[] {
  const { plan, problems } = planFilters(config.filters, config.policies, filters);
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  const hits: Hit[] = [];
  for (const filter of filters) {
    const own = plan.find(({ id }) => id === filter.id);
    if (own === undefined) continue;
    const prepared = preparePolicies(filter, own, reference);
    detectHits(batch, reference, filter, prepared, (hit) => hits.push(hit));
  }
  return hits;
}

/** A finding with what a case is about; the rest is ordinary. */
export function fakeFinding(given: Partial<Finding> = {}): Finding {
  return {
    series: 's',
    id: 'i',
    revision: 1,
    status: 'open',
    filter: 'known-bad-remote',
    severity: 'high',
    confidence: 'high',
    summary: '',
    customer: 'acme',
    subject: CUSTOMER,
    customerAddress: CUSTOMER,
    customerPort: null,
    customerRole: 'client',
    remoteAddress: REMOTE,
    remotePort: 443,
    remoteCountry: null,
    protocol: 'tcp',
    service: '443/tcp',
    indicator: REMOTE,
    firstSeen: '2026-01-01T00:00:00.000Z',
    lastSeen: '2026-01-01T00:00:01.000Z',
    windowStart: '2026-01-01T00:00:00.000Z',
    conversations: 1,
    conversationsEstimated: false,
    bytesOut: 1,
    bytesIn: 1,
    packetsOut: 1,
    packetsIn: 1,
    samplingRate: 1,
    sensors: ['edge-1'],
    orientation: { reason: 'handshake', confidence: 'high' },
    evidence: [
      { type: 'list', feed: 'a', entry: REMOTE, category: 'c2', feedVersion: 'v1' },
      { type: 'list', feed: 'b', entry: '203.0.113.0/24', category: 'c2', feedVersion: 'v1' },
    ],
    referenceVersion: VERSION,
    ...given,
  };
}

function wordsOf(address: string): Uint32Array {
  const parsed = addressOf(address);
  if (parsed === undefined) throw new Error(`no address: ${address}`);
  return parsed.words;
}

/** One case of a filter: a conversation, and what fires on it over *all* filters. */
export interface FilterCase {
  readonly name: string;
  readonly conversation: FakeConversation;
  readonly config?: { readonly filters?: unknown; readonly policies?: unknown };
  /** Filter, indicator, severity, confidence of each hit; empty = nothing may complain. */
  readonly fires: readonly (readonly [string, string, string, string])[];
}

/** The filters without the runner's short cut over rows that cannot hit. */
const SHOWN_EVERY_ROW: readonly ConversationFilter[] = CONVERSATION_FILTERS.map((filter) => {
  const open = { ...filter };
  Reflect.deleteProperty(open, 'needsOneOf');
  return open;
});

/** Runs the cases as tests. */
export function itFires(reference: FakeReference, cases: readonly FilterCase[]): void {
  for (const { name, conversation, config, fires } of cases) {
    it(name, () => {
      const batch = fakeBatch([conversation], reference);
      const hits = allHits(batch, reference, config);
      const found = hits.map((hit) => [hit.filter, hit.indicator, hit.severity, hit.confidence]);
      expect(found).to.deep.equal(fires);
      expect(allHits(batch, reference, config, SHOWN_EVERY_ROW)).to.deep.equal(hits);
      for (const hit of hits) expect(hit.evidence).to.have.length.greaterThan(0);
    });
  }
}
