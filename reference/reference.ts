/**
 * What the joins look up, as one opened snapshot. Everything here is read-only and shared by all
 * transforms of a process; ids mean something only together with `version`.
 */
export interface Reference {
  /** Content hash of the snapshot. */
  readonly version: string;
  readonly customers: CustomerTable;
  readonly tags: TagTable;
  readonly countries: CountryTable;
  /** Announced prefixes; undefined where no feed of that kind is configured. */
  readonly routed: RoutedLookup | undefined;
  /** What the scan looked at; undefined where no feed of that kind is configured. */
  readonly coverage: CoverageLookup | undefined;
  readonly inventory: ServiceTable;
}

/** Announced prefixes: 1 = the address is in one. Of a family that no feed speaks of nothing is known. */
export interface RoutedLookup extends RangeLookup {
  readonly knows4: boolean;
  readonly knows6: boolean;
}

/** Maps an address to an id; 0 = none. */
export interface RangeLookup {
  find4(word: number): number;
  find6(w0: number, w1: number, w2: number, w3: number): number;
}

/** Customer address sets: an address maps to a claim. Nested prefixes: the longest owns. */
export interface CustomerTable extends RangeLookup {
  /** Customer ids in order; a claim names indexes into it. */
  readonly customers: readonly string[];
  /** Customers of a claim: one, or several where equal prefixes are declared and none alone is exclusive. */
  claimants(claim: number): readonly number[];
  /** Whether the owner declared the prefix as exclusively its own. */
  exclusive(claim: number): boolean;
}

/** Tagged ranges and tagged ip:port endpoints: threats, anonymizers, honeypots, shared infrastructure, policy networks. */
export interface TagTable extends RangeLookup {
  /** Category names; bit i of a mask is category i. At most 32. */
  readonly categories: readonly string[];
  /** Mask of those of `names` that exist. */
  mask(names: Iterable<string>): number;
  /** Set id of the endpoint ip:port (any protocol); 0 = none. */
  findEndpoint4(word: number, port: number): number;
  findEndpoint6(w0: number, w1: number, w2: number, w3: number, port: number): number;
  /** Mask of the categories in a set; 0 for set 0. */
  categoriesOf(set: number): number;
  /** All entries of a set, for a row that hit. Most specific entry first, then by category, feed, entry. */
  entries(set: number): readonly TagEntry[];
}

export interface TagEntry {
  readonly category: string;
  readonly feed: string;
  readonly feedVersion: string;
  /** Normalised: `203.0.113.7`, `203.0.113.0/24`, `203.0.113.7:443`, `[2001:db8::1]:443`. A /32 or /128 is an address. */
  readonly entry: string;
  /** File of a feed that has several, without its folder. */
  readonly source?: string;
  /** ISO 8601. */
  readonly since?: string;
}

/** Country of an address: the id is an index into `codes`. */
export interface CountryTable extends RangeLookup {
  /** ISO 3166-1 alpha-2, upper case; index 0 is ''. */
  readonly codes: readonly string[];
  readonly feed: string;
  readonly feedVersion: string;
}

/** What the scan behind the inventory looked at. One look-up answers all networks that cover the address. */
export interface CoverageLookup {
  /** Whether some scan looked at the address on this port. `protocol`: IANA number. */
  covers4(word: number, port: number, protocol: number): boolean;
  covers6(w0: number, w1: number, w2: number, w3: number, port: number, protocol: number): boolean;
  /** When the latest such scan ended, ms since 1970; -Infinity where there was none. */
  lastScan4(word: number, port: number, protocol: number): number;
  lastScan6(w0: number, w1: number, w2: number, w3: number, port: number, protocol: number): number;
}

/** Scan inventory by ip:port and protocol. */
export interface ServiceTable {
  /** Entry id; 0 = none. */
  find4(word: number, port: number, protocol: number): number;
  find6(w0: number, w1: number, w2: number, w3: number, port: number, protocol: number): number;
  /** Mask of the tags of an entry; 0 for entry 0. */
  tagsOf(id: number): number;
  /** Mask of those of `names` that exist. */
  tagMask(names: Iterable<string>): number;
  entry(id: number): ServiceEntry;
  /** Whether the address has a service on any port. */
  knows4(word: number): boolean;
  knows6(w0: number, w1: number, w2: number, w3: number): boolean;
  /** Mask of the tags of all services at the address. */
  tagsAt4(word: number): number;
  tagsAt6(w0: number, w1: number, w2: number, w3: number): number;
  /**
   * The services at the address whose first word is `words[at]`, by protocol and port, at most 1000;
   * for a row that hit.
   */
  entriesAt(family: 4 | 6, words: Uint32Array, at: number): readonly ServiceEntry[];
}

export interface ServiceEntry {
  /** `203.0.113.7:23/tcp`. */
  readonly entry: string;
  /** Service name as scanned; '' where not known. */
  readonly service: string;
  /** Why it is in the inventory: `telnet`, `default-credentials`, ... At most 32 distinct tags in a snapshot. */
  readonly tags: readonly string[];
  readonly feed: string;
  readonly feedVersion: string;
  /** ISO 8601. */
  readonly firstSeen?: string;
  readonly lastSeen?: string;
}
