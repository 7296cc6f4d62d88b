/**
 * The seam of feed formats: a reader turns the bytes of one file into entries, and says of each line
 * whether it was one. A new format is one file with a `FeedReader`, one line in `registry.ts`, one test.
 */
import type { AddressWords } from '../../pipeline/address.js';
import { addressWords } from '../../pipeline/address.js';
import type { FeedColumns, FeedKind } from '../spec.js';

/** What one line of a feed says. Readers fill one entry over and over; what a line lacks stays as `clearEntry` left it. */
export interface FeedEntry {
  /** First address; host bits are zero. */
  readonly address: AddressWords;
  /** Bits of the prefix; 32 or 128 = one address. */
  prefixLength: number;
  /** Last address of an IPv4 range `a-b`; -1 = the entry is a prefix. */
  rangeLast: number;
  /** Whether the line had host bits set, which were cleared. */
  hostBits: boolean;
  /** 0 = none. */
  port: number;
  /** IANA number; -1 = not said. */
  protocol: number;
  category: string;
  /** ISO 3166-1 alpha-2 as written. */
  country: string;
  customer: string;
  exclusive: boolean;
  service: string;
  tags: readonly string[];
  /** Port ranges as written: `22`, `1-1024`, `80;443`, `*`. */
  ports: string;
  /** ms since 1970; NaN = not said. */
  sinceMs: number;
  firstSeenMs: number;
  lastSeenMs: number;
}

export function feedEntry(): FeedEntry {
  const entry: FeedEntry = {
    address: addressWords(),
    prefixLength: 0,
    rangeLast: -1,
    hostBits: false,
    port: 0,
    protocol: -1,
    category: '',
    country: '',
    customer: '',
    exclusive: false,
    service: '',
    tags: [],
    ports: '',
    sinceMs: NaN,
    firstSeenMs: NaN,
    lastSeenMs: NaN,
  };
  return entry;
}

const NO_TAGS: readonly string[] = [];

export function clearEntry(entry: FeedEntry): void {
  entry.prefixLength = 0;
  entry.rangeLast = -1;
  entry.hostBits = false;
  entry.port = 0;
  entry.protocol = -1;
  entry.category = '';
  entry.country = '';
  entry.customer = '';
  entry.exclusive = false;
  entry.service = '';
  entry.tags = NO_TAGS;
  entry.ports = '';
  entry.sinceMs = NaN;
  entry.firstSeenMs = NaN;
  entry.lastSeenMs = NaN;
}

/** Why a line is no entry. */
export type RejectReason =
  | 'bad-address'
  | 'bad-exclusive'
  | 'bad-country'
  | 'bad-json'
  | 'bad-port'
  | 'bad-protocol'
  | 'bad-time'
  | 'line-too-long'
  | 'missing-field'
  | 'too-few-fields'
  | 'unterminated-quote';

/** Where a reader puts what it found. After `at`, exactly one of the others but `note`. */
export interface FeedSink {
  /** The record that follows: line number from 1, and its bytes. */
  at(line: number, bytes: Uint8Array, start: number, end: number): void;
  entry(entry: FeedEntry): void;
  reject(reason: RejectReason): void;
  /** A domain, URL or hash: right in its feed, of no use to us. */
  notApplicable(): void;
  /** Something worth counting that does not stop the entry. */
  note(name: string): void;
}

/** One file of a feed. */
export interface FeedFile {
  /** As configured or found below it, for messages. */
  readonly path: string;
  /** Content, unpacked. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

export interface FeedReader {
  /** Kinds of feed that the format can say. */
  readonly kinds: readonly FeedKind[];
  /** Whether a file of a folder belongs to the feed; absent: all do. */
  takes?(path: string): boolean;
  /** Throws a FeedError only where the whole file is not what the configuration says. */
  read(file: FeedFile, options: FeedReadOptions, sink: FeedSink): Promise<void>;
}

export interface FeedReadOptions {
  readonly kind: FeedKind;
  /** Column of each field, where the feed's own names are not the usual ones. */
  readonly columns: FeedColumns;
}

/** A feed that cannot be read at all. */
export class FeedError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'FeedError';
  }
}
