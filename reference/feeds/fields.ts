/** Named fields -> an entry, for all formats whose records have names. */
import { protocolOf } from '../protocol-name.js';
import type { FeedColumns, FeedField, FeedKind } from '../spec.js';
import type { FeedEntry, FeedSink, RejectReason } from './feed-reader.js';
import { clearEntry, FeedError } from './feed-reader.js';
import { isOtherIndicator, parseIndicator } from './indicator.js';

/** Names that a field usually has, lower case, the first found wins. */
const USUAL_NAMES: Readonly<Record<FeedField, readonly string[]>> = {
  address: [
    'ip',
    'address',
    'ip_address',
    'ipaddress',
    'cidr',
    'prefix',
    'network',
    'dst_ip',
    'indicator',
    'ioc',
    'ioc_value',
    'host',
    'ip_str',
    'saddr',
  ],
  port: ['port', 'dst_port', 'sport'],
  protocol: ['protocol', 'proto', 'transport'],
  category: ['category'],
  since: [
    'since',
    'first_seen',
    'first_seen_utc',
    'first-seen',
    'seen-first',
    'seen_first',
    'date',
  ],
  country: ['country', 'country_code', 'cc', 'iso'],
  service: ['service', 'service_name', 'name'],
  tags: ['tags', 'tag'],
  firstSeen: ['seen-first', 'first_seen', 'seen_first', 'first-seen', 'first'],
  lastSeen: ['seen-last', 'last_seen', 'seen_last', 'last-seen', 'last'],
  ports: ['ports', 'port'],
  customer: ['customer'],
  exclusive: ['exclusive'],
};

/** Fields a feed of each kind reads; the first ones (up to `needed`) must be there. */
const FIELDS: Readonly<
  Record<FeedKind, { readonly all: readonly FeedField[]; readonly needed: number }>
> = {
  tags: { all: ['address', 'port', 'category', 'since'], needed: 1 },
  countries: { all: ['address', 'country'], needed: 2 },
  inventory: {
    all: ['address', 'port', 'protocol', 'service', 'tags', 'firstSeen', 'lastSeen'],
    needed: 1,
  },
  routed: { all: ['address'], needed: 1 },
  coverage: { all: ['address', 'ports', 'protocol', 'firstSeen', 'lastSeen'], needed: 2 },
  customers: { all: ['customer', 'address', 'exclusive'], needed: 2 },
};

/** The text of a field of the record at hand; '' = it has none. */
export type FieldText = (field: FeedField) => string;

/** Places of the fields in a header. Throws a FeedError naming what is missing. */
export function bindFields(
  kind: FeedKind,
  header: readonly string[],
  columns: FeedColumns,
  path: string,
): ReadonlyMap<FeedField, number> {
  const names = header.map((name) => name.trim().toLowerCase());
  const places = new Map<FeedField, number>();
  FIELDS[kind].all.forEach((field, order) => {
    const configured = columns[field];
    const wanted = configured === undefined ? USUAL_NAMES[field] : [configured.toLowerCase()];
    const place = wanted.map((name) => names.indexOf(name)).find((found) => found >= 0);
    if (place !== undefined) {
      places.set(field, place);
    } else if (configured !== undefined || order < FIELDS[kind].needed) {
      const expected = wanted.map((name) => `"${name}"`).join(' or ');
      throw new FeedError(
        `${path}: no column for ${field} (${expected}) in header "${names.join(',').slice(0, 200)}"`,
      );
    }
  });
  return places;
}

/** Path of each field in records that name their own fields: the configured one, else the usual ones. */
export function fieldNames(
  kind: FeedKind,
  columns: FeedColumns,
): ReadonlyMap<FeedField, readonly string[]> {
  return new Map(
    FIELDS[kind].all.map((field) => {
      const configured = columns[field];
      return [field, configured === undefined ? USUAL_NAMES[field] : [configured]];
    }),
  );
}

/** Fills the entry from the fields of a record and hands it, or why it is none, to the sink. */
export function emitFields(
  kind: FeedKind,
  text: FieldText,
  entry: FeedEntry,
  sink: FeedSink,
): void {
  clearEntry(entry);
  const outcome = fillEntry(kind, text, entry, sink);
  if (outcome === undefined) sink.entry(entry);
  else if (outcome === 'not-applicable') sink.notApplicable();
  else sink.reject(outcome);
}

function fillEntry(
  kind: FeedKind,
  text: FieldText,
  entry: FeedEntry,
  sink: FeedSink,
): RejectReason | 'not-applicable' | undefined {
  const address = text('address');
  if (address === '') return 'missing-field';
  const bytes = Buffer.from(address, 'utf8');
  if (!parseIndicator(bytes, 0, bytes.length, entry)) {
    return isOtherIndicator(bytes.toString('latin1')) ? 'not-applicable' : 'bad-address';
  }
  const port = text('port');
  if (port !== '' && port !== '*' && kind !== 'coverage') {
    if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) return 'bad-port';
    entry.port = Number(port);
  }
  const protocol = text('protocol');
  if (protocol !== '') {
    const number = protocolOf(protocol);
    if (number === undefined) return 'bad-protocol';
    entry.protocol = number;
  }
  entry.category = text('category');
  entry.country = text('country');
  entry.customer = text('customer');
  entry.service = text('service');
  entry.ports = text('ports');
  const exclusive = text('exclusive');
  entry.exclusive = /^(?:true|yes|1|exclusive)$/i.test(exclusive);
  if (!entry.exclusive && !/^(?:|false|no|0)$/i.test(exclusive)) return 'bad-exclusive';
  const tags = text('tags');
  if (tags !== '') entry.tags = splitTags(tags);
  entry.sinceMs = timeMs(text('since'), sink);
  entry.firstSeenMs = timeMs(text('firstSeen'), sink);
  entry.lastSeenMs = timeMs(text('lastSeen'), sink);
  return undefined;
}

function splitTags(text: string): readonly string[] {
  return text
    .split(/[;|,]/)
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
}

/** A date that cannot be read costs the date and not the entry. */
function timeMs(text: string, sink: FeedSink): number {
  if (text === '') return NaN;
  const ms = parseTime(text);
  if (Number.isNaN(ms)) sink.note('bad-time');
  return ms;
}

const DATE_TIME = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)?/;
const ZONE = /(?:Z|UTC|[+-]\d{2}:?\d{2})$/i;
/** Nothing is seen before the first feeds nor after 2100. */
const MIN_MS = Date.UTC(1990, 0, 1);
const MAX_MS = Date.UTC(2100, 0, 1);

/** ms since 1970 of `2026-01-01`, `2026-01-01 10:00:00` (UTC unless it says otherwise), ISO 8601 or epoch s, ms; NaN if it is none. */
export function parseTime(text: string): number {
  let ms = NaN;
  const trimmed = text.trim();
  if (/^\d{9,13}(?:\.\d+)?$/.test(trimmed)) {
    const number = Number(trimmed);
    ms = number < 1e11 ? number * 1000 : number;
  } else if (trimmed.length <= 40 && DATE_TIME.test(trimmed)) {
    const iso = trimmed
      .replace(' ', 'T')
      .replace(/ ?UTC$/i, 'Z')
      .replace(' ', '');
    ms = Date.parse(iso.length === 10 || ZONE.test(iso.slice(10)) ? iso : `${iso}Z`);
  }
  return ms >= MIN_MS && ms < MAX_MS ? Math.floor(ms) : NaN;
}
