/** All tables of a snapshot while its feeds are read: what each kind of feed accepts, and into which table it goes. */
import type { Collect, HeldBackReason } from './feed-counter.js';
import type { FeedEntry } from './feeds/feed-reader.js';
import { CountryTableBuilder } from './country-table.js';
import { CoverageTableBuilder } from './coverage-table.js';
import { CustomerTableBuilder } from './customer-table.js';
import type { TableName } from './manifest.js';
import { last4, maskWord, splitRange4 } from './prefix-list.js';
import { RoutedTableBuilder } from './routed-table.js';
import { ServiceTableBuilder } from './service-table.js';
import { neverRemote, special4, special6 } from './special-addresses.js';
import type { FeedKind } from './spec.js';
import { accuses } from './categories.js';
import { TagTableBuilder } from './tag-table.js';

/** A threat this wide is a mistake in the feed. */
const MIN_THREAT_LENGTH_4 = 8;
const MIN_THREAT_LENGTH_6 = 16;
const TCP = 6;
const CATEGORY = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const COUNTRY = /^[A-Za-z]{2}$/;
const MAX_CUSTOMER_LENGTH = 256;
const MAX_SERVICE_LENGTH = 256;
const MAX_TAG_LENGTH = 64;
const MAX_PORT_RANGES = 1000;

type Visit = (words: Uint32Array, length: number) => void;
const part = new Uint32Array(4);

/** Calls `visit` for the prefixes of an entry: one, or those of its range. */
function eachPrefix(entry: FeedEntry, visit: Visit): void {
  if (entry.rangeLast < 0) {
    visit(entry.address.words, entry.prefixLength);
    return;
  }
  splitRange4(entry.address.words[0], entry.rangeLast, (start, length) => {
    part[0] = start;
    visit(part, length);
  });
}

/** Whether the prefix lies in one block of space that is never a remote. */
function isSpecial(family: 4 | 6, words: Uint32Array, length: number): boolean {
  if (family === 4) {
    const code = special4(words[0]);
    return neverRemote(code) && neverRemote(special4(last4(words[0], length)));
  }
  const code = special6(words[0], words[1], words[2], words[3]);
  if (!neverRemote(code)) return false;
  const last = (w: number): number => (words[w] | ~maskWord(length, w)) >>> 0;
  return neverRemote(special6(last(0), last(1), last(2), last(3)));
}

/** Feeds of one kind have the table of that kind. */
export class SnapshotBuilder {
  readonly #customers = new CustomerTableBuilder();
  readonly #tags = new TagTableBuilder();
  readonly #countries = new CountryTableBuilder();
  readonly #inventory = new ServiceTableBuilder();
  #routed: RoutedTableBuilder | undefined;
  #coverage: CoverageTableBuilder | undefined;
  #countryFeed = '';

  get customerPrefixes(): number {
    return this.#customers.size;
  }

  /** Known after `encode`. */
  get countryConflicts(): number {
    return this.#countries.conflicts;
  }

  /** What takes the entries of a feed. `sourceOf`: the file at hand, '' where the feed is one file. */
  collector(feed: string, kind: FeedKind, category: string, sourceOf: () => string): Collect {
    switch (kind) {
      case 'tags':
        return (entry) => this.#tag(entry, feed, category, sourceOf());
      case 'countries':
        this.#countryFeed = feed;
        return (entry) => this.#country(entry);
      case 'inventory':
        return (entry) => this.#service(entry, feed);
      case 'routed': {
        const routed = (this.#routed ??= new RoutedTableBuilder());
        return (entry) => {
          if (entry.port !== 0) return 'bad-address';
          eachPrefix(entry, (words, length) => {
            routed.addPrefix(entry.address.family, words, length);
          });
          return undefined;
        };
      }
      case 'coverage': {
        const coverage = (this.#coverage ??= new CoverageTableBuilder());
        return (entry) => this.#cover(entry, coverage);
      }
      case 'customers':
        return (entry) => this.#customer(entry);
    }
  }

  #tag(entry: FeedEntry, feed: string, feedCategory: string, source: string): ReturnType<Collect> {
    const { family } = entry.address;
    const category = entry.category === '' ? feedCategory : entry.category;
    if (!CATEGORY.test(category)) return category === '' ? 'missing-field' : 'bad-category';
    const whole = entry.prefixLength === (family === 4 ? 32 : 128) && entry.rangeLast < 0;
    if (entry.port !== 0 && !whole) return 'bad-address';
    if (accuses(category)) {
      const held = heldBack(entry);
      if (held !== undefined) return held;
    }
    const row = { category, feed, source, sinceMs: entry.sinceMs };
    if (entry.port !== 0) {
      this.#tags.addEndpoint(family, entry.address.words, entry.port, row);
      return undefined;
    }
    eachPrefix(entry, (words, length) => {
      this.#tags.addPrefix(family, words, length, row);
    });
    return undefined;
  }

  #country(entry: FeedEntry): ReturnType<Collect> {
    if (!COUNTRY.test(entry.country)) return 'bad-country';
    if (entry.port !== 0) return 'bad-address';
    const code = entry.country.toUpperCase();
    eachPrefix(entry, (words, length) => {
      this.#countries.addPrefix(entry.address.family, words, length, code);
    });
    return undefined;
  }

  #service(entry: FeedEntry, feed: string): ReturnType<Collect> {
    const { family, words } = entry.address;
    if (entry.prefixLength !== (family === 4 ? 32 : 128) || entry.rangeLast >= 0) {
      return 'bad-address';
    }
    if (entry.port === 0) return 'bad-port';
    this.#inventory.add(family, words, {
      port: entry.port,
      protocol: entry.protocol < 0 ? TCP : entry.protocol,
      service: entry.service.slice(0, MAX_SERVICE_LENGTH),
      tags: entry.tags.map((tag) => tag.slice(0, MAX_TAG_LENGTH)),
      feed,
      firstSeenMs: entry.firstSeenMs,
      lastSeenMs: entry.lastSeenMs,
    });
    return undefined;
  }

  #cover(entry: FeedEntry, coverage: CoverageTableBuilder): ReturnType<Collect> {
    if (entry.port !== 0) return 'bad-address';
    const { firstSeenMs, lastSeenMs } = entry;
    // Written so that NaN fails too.
    if (!(firstSeenMs <= lastSeenMs)) return 'bad-time';
    const ranges = parsePorts(entry.ports);
    if (ranges === undefined) return 'bad-port';
    for (const [firstPort, lastPort] of ranges) {
      eachPrefix(entry, (words, length) => {
        coverage.add(entry.address.family, words, length, {
          firstPort,
          lastPort,
          protocol: entry.protocol < 0 ? TCP : entry.protocol,
          lastMs: lastSeenMs,
        });
      });
    }
    return undefined;
  }

  #customer(entry: FeedEntry): ReturnType<Collect> {
    if (entry.customer === '' || entry.customer.length > MAX_CUSTOMER_LENGTH) {
      return 'missing-field';
    }
    if (entry.port !== 0) return 'bad-address';
    eachPrefix(entry, (words, length) => {
      const { family } = entry.address;
      this.#customers.addPrefix(family, words, length, entry.customer, entry.exclusive);
    });
    return undefined;
  }

  /** Bytes of each table, in pieces. `versions`: content hash by feed. */
  *encode(versions: ReadonlyMap<string, string>): Generator<readonly [TableName, Uint8Array[]]> {
    yield ['customers', this.#customers.encode()];
    yield ['tags', this.#tags.encode(versions)];
    const countries = this.#countryFeed;
    yield ['countries', this.#countries.encode(countries, versions.get(countries) ?? '')];
    yield ['inventory', this.#inventory.encode(versions)];
    if (this.#routed !== undefined) yield ['routed', this.#routed.encode()];
    if (this.#coverage !== undefined) yield ['coverage', this.#coverage.encode()];
  }
}

function heldBack(entry: FeedEntry): HeldBackReason | undefined {
  const { family } = entry.address;
  const minLength = family === 4 ? MIN_THREAT_LENGTH_4 : MIN_THREAT_LENGTH_6;
  let held: HeldBackReason | undefined;
  eachPrefix(entry, (words, length) => {
    // Width first: both ends of 0.0.0.0/0 are special, and what is between is not.
    if (length < minLength) held ??= 'too-wide';
    else if (isSpecial(family, words, length)) held ??= 'special-address';
  });
  return held;
}

/** `22`, `1-1024`, several with `;` `|` or `,` between, `*` or nothing for all; undefined if it is none. */
function parsePorts(text: string): readonly (readonly [number, number])[] | undefined {
  if (text === '' || text === '*') return [[0, 65535]];
  const parts = text.split(/[;|, ]+/);
  if (parts.length > MAX_PORT_RANGES) return undefined;
  const ranges: [number, number][] = [];
  for (const item of parts) {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(item);
    if (match === null) return undefined;
    const first = Number(match[1]);
    const last = Number(match.at(2) ?? match[1]);
    if (first > last || last > 65535) return undefined;
    ranges.push([first, last]);
  }
  return ranges;
}
