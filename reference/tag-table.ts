/**
 * Tagged ranges and endpoints: threats, anonymizers, honeypots, shared infrastructure, policy
 * networks. One look-up answers all entries that cover an address.
 *
 * A set id names a node: a distinct prefix or endpoint. A prefix's node points to the node of the
 * prefix around it, so a set is a node's own entries and those of the nodes above: nothing is
 * repeated however deep prefixes nest. Nodes: IPv4 prefixes, IPv6 prefixes, IPv4 endpoints, IPv6
 * endpoints, each sorted; ids count from 1.
 */
import { BoundedCache } from './bounded-cache.js';
import { checkNames, maskOf } from './category-mask.js';
import { F64Builder, TextBuilder, U32Builder } from './column-builder.js';
import { EndpointList } from './endpoint-list.js';
import { compileEndpoints, endpointKey, EndpointTable } from './endpoint-table.js';
import { endpointText, prefixText, timeText } from './entry-text.js';
import { PrefixList } from './prefix-list.js';
import { compileRanges, parentGroups, RangeTable } from './range-table.js';
import type { TagEntry, TagTable } from './reference.js';
import type { SectionArray, TableFile } from './table-file.js';
import { encodeTable } from './table-file.js';

const CACHED_SETS = 4096;
/** Greatest set that is listed whole: beyond, evidence is no longer read by anyone. */
const MAX_LISTED = 1000;

/** What a feed says of one prefix or endpoint. */
export interface TagRow {
  readonly category: string;
  readonly feed: string;
  /** '' = the feed is one file. */
  readonly source: string;
  /** ms since 1970; NaN = not said. */
  readonly sinceMs: number;
}

export class TagTableBuilder {
  readonly #prefixes = new PrefixList();
  readonly #endpoints = new EndpointList();
  readonly #categories = new TextBuilder();
  readonly #feeds = new TextBuilder();
  readonly #sources = new TextBuilder();
  readonly #category = new U32Builder();
  readonly #feed = new U32Builder();
  readonly #source = new U32Builder();
  readonly #since = new F64Builder();

  constructor() {
    this.#sources.id('');
  }

  #row(row: TagRow): number {
    this.#category.push(this.#categories.id(row.category));
    // A feed with a category a line could name millions.
    if (this.#categories.size > 1000) checkNames('categories', this.#categories.sorted().texts);
    this.#feed.push(this.#feeds.id(row.feed));
    this.#source.push(this.#sources.id(row.source));
    this.#since.push(row.sinceMs);
    return this.#category.length - 1;
  }

  addPrefix(family: 4 | 6, words: Uint32Array, length: number, row: TagRow): void {
    this.#prefixes.add(family, words, length, this.#row(row));
  }

  addEndpoint(family: 4 | 6, words: Uint32Array, port: number, row: TagRow): void {
    this.#endpoints.add(family, words, port, 0, this.#row(row));
  }

  /** `versions`: content hash by feed. Throws a RangeError with more than 32 categories. */
  encode(versions: ReadonlyMap<string, string>): Uint8Array[] {
    const categories = this.#categories.sorted();
    checkNames('categories', categories.texts);
    const feeds = this.#feeds.sorted();
    const sources = this.#sources.sorted();
    const prefixes = this.#prefixes.group();
    const endpoints = this.#endpoints.group();
    const nodes = prefixes.count + endpoints.count;

    const category = this.#category.view();
    const feed = this.#feed.view();
    const source = this.#source.view();
    const since = this.#since.view();
    const sinceKey = (row: number): number => (Number.isNaN(since[row]) ? Infinity : since[row]);
    const compare = (a: number, b: number): number =>
      categories.place[category[a]] - categories.place[category[b]] ||
      feeds.place[feed[a]] - feeds.place[feed[b]] ||
      sources.place[source[a]] - sources.place[source[b]] ||
      Math.sign(sinceKey(a) - sinceKey(b)) ||
      0;

    const masks = new Uint32Array(nodes + 1);
    const parents = new Uint32Array(nodes + 1);
    parents.set(parentGroups(prefixes), 1);
    const entryOffsets = new Uint32Array(nodes + 2);
    const entryTags = new U32Builder();
    const entrySources = new U32Builder();
    const entrySince = new F64Builder();

    const addNode = (node: number, rows: Uint32Array): void => {
      if (rows.length > 1) rows.sort(compare);
      entryOffsets[node] = entryTags.length;
      let mask = masks[parents[node]];
      let previous = -1;
      for (const row of rows) {
        // The same entry twice in one file of one feed is one; the earliest date stays.
        const repeated =
          previous >= 0 &&
          category[row] === category[previous] &&
          feed[row] === feed[previous] &&
          source[row] === source[previous];
        if (repeated) continue;
        previous = row;
        const bit = categories.place[category[row]];
        mask |= 1 << bit;
        entryTags.push(bit | (feeds.place[feed[row]] << 8));
        entrySources.push(sources.place[source[row]]);
        entrySince.push(since[row]);
      }
      masks[node] = mask >>> 0;
    };
    for (let g = 0; g < prefixes.count; g++) {
      const { rows, rowOffsets } = prefixes;
      addNode(g + 1, rows.subarray(rowOffsets[g], rowOffsets[g + 1]));
    }
    const firstEndpoint = prefixes.count + 1;
    for (let g = 0; g < endpoints.count; g++) {
      const { rows, rowOffsets } = endpoints;
      addNode(firstEndpoint + g, rows.subarray(rowOffsets[g], rowOffsets[g + 1]));
    }
    entryOffsets[nodes + 1] = entryTags.length;

    const values = new Uint32Array(prefixes.count);
    for (let g = 0; g < values.length; g++) values[g] = g + 1;
    const hashed = compileEndpoints(endpoints, firstEndpoint);
    const sections: Record<string, SectionArray> = {
      ...compileRanges(prefixes, values),
      ...hashed.sections,
      masks,
      parents: parents.subarray(0, prefixes.count + 1),
      entryOffsets,
      entryTags: entryTags.view(),
      prefixLengths: prefixes.length,
      prefixWords4: prefixes.start4,
      prefixWords6: prefixes.start6,
      endpointWords4: endpoints.words4,
      endpointWords6: endpoints.words6,
      endpointKeys: endpoints.keys,
    };
    if (entrySources.view().some((source) => source !== 0))
      sections['entrySources'] = entrySources.view();
    if (!entrySince.view().every(Number.isNaN)) sections['entrySince'] = entrySince.view();
    return encodeTable(
      'tags',
      {
        ...hashed.meta,
        categories: categories.texts,
        feeds: feeds.texts,
        feedVersions: feeds.texts.map((name) => versions.get(name) ?? ''),
        sources: sources.texts,
      },
      sections,
    );
  }
}

/** An opened tag table. */
export class CompiledTagTable implements TagTable {
  readonly categories: readonly string[];
  readonly #ranges: RangeTable;
  readonly #endpoints: EndpointTable;
  readonly #masks: Uint32Array;
  readonly #parents: Uint32Array;
  readonly #entryOffsets: Uint32Array;
  readonly #entryTags: Uint32Array;
  readonly #entrySources: Uint32Array | undefined;
  readonly #entrySince: Float64Array | undefined;
  readonly #prefixLengths: Uint8Array;
  readonly #prefixWords4: Uint32Array;
  readonly #prefixWords6: Uint32Array;
  readonly #endpointWords4: Uint32Array;
  readonly #endpointWords6: Uint32Array;
  readonly #endpointKeys: Uint32Array;
  readonly #feeds: readonly string[];
  readonly #feedVersions: readonly string[];
  readonly #sources: readonly string[];
  readonly #sets = new BoundedCache<readonly TagEntry[]>(CACHED_SETS);

  /** Throws CorruptTableError. */
  constructor(file: TableFile) {
    this.categories = file.texts('categories');
    this.#feeds = file.texts('feeds');
    this.#feedVersions = file.texts('feedVersions');
    this.#sources = file.texts('sources');
    this.#masks = file.u32('masks');
    this.#parents = file.u32('parents');
    this.#entryOffsets = file.u32('entryOffsets');
    this.#entryTags = file.u32('entryTags');
    this.#entrySources = file.has('entrySources') ? file.u32('entrySources') : undefined;
    this.#entrySince = file.has('entrySince') ? file.f64('entrySince') : undefined;
    this.#prefixLengths = file.u8('prefixLengths');
    this.#prefixWords4 = file.u32('prefixWords4');
    this.#prefixWords6 = file.u32('prefixWords6');
    this.#endpointWords4 = file.u32('endpointWords4');
    this.#endpointWords6 = file.u32('endpointWords6');
    this.#endpointKeys = file.u32('endpointKeys');
    const nodes = this.#prefixLengths.length + this.#endpointKeys.length;
    file.check(
      this.#masks.length === nodes + 1 &&
        this.#entryOffsets.length === nodes + 2 &&
        this.#parents.length === this.#prefixLengths.length + 1 &&
        this.#prefixWords4.length + this.#prefixWords6.length / 4 === this.#prefixLengths.length &&
        this.#endpointWords4.length + this.#endpointWords6.length / 4 ===
          this.#endpointKeys.length &&
        (this.#entrySources?.length ?? this.#entryTags.length) === this.#entryTags.length &&
        (this.#entrySince?.length ?? this.#entryTags.length) === this.#entryTags.length,
      `sections of ${nodes} nodes and ${this.#entryTags.length} entries do not fit each other`,
    );
    file.checkBelow('entryOffsets', this.#entryOffsets, this.#entryTags.length + 1);
    for (let node = 1; node < this.#parents.length; node++) {
      // Above comes before: so every walk upwards ends.
      if (this.#parents[node] >= node) {
        file.check(false, `node ${node} lies in node ${this.#parents[node]}`);
      }
    }
    this.#ranges = new RangeTable(file, this.#prefixLengths.length + 1);
    this.#endpoints = new EndpointTable(file, nodes + 1);
  }

  mask(names: Iterable<string>): number {
    return maskOf(this.categories, names);
  }

  find4(word: number): number {
    return this.#ranges.find4(word);
  }

  find6(w0: number, w1: number, w2: number, w3: number): number {
    return this.#ranges.find6(w0, w1, w2, w3);
  }

  findEndpoint4(word: number, port: number): number {
    return this.#endpoints.find4(word, endpointKey(port, 0));
  }

  findEndpoint6(w0: number, w1: number, w2: number, w3: number, port: number): number {
    return this.#endpoints.find6(w0, w1, w2, w3, endpointKey(port, 0));
  }

  categoriesOf(set: number): number {
    return this.#masks[set];
  }

  entries(set: number): readonly TagEntry[] {
    if (set <= 0 || set >= this.#masks.length) return [];
    return this.#sets.get(set, (id) => this.#decode(id));
  }

  #decode(set: number): readonly TagEntry[] {
    const entries: TagEntry[] = [];
    for (let node = set; node > 0; node = this.#parents[node] ?? 0) {
      const text = this.#nodeText(node);
      const end = this.#entryOffsets[node + 1];
      for (let e = this.#entryOffsets[node]; e < end && entries.length < MAX_LISTED; e++) {
        entries.push(this.#entry(e, text));
      }
    }
    return entries;
  }

  #entry(at: number, text: string): TagEntry {
    const feed = this.#entryTags[at] >>> 8;
    const source = this.#sources[this.#entrySources?.[at] ?? 0] ?? '';
    const since = this.#entrySince?.[at] ?? NaN;
    return {
      category: this.categories[this.#entryTags[at] & 0xff] ?? '',
      feed: this.#feeds[feed] ?? '',
      feedVersion: this.#feedVersions[feed] ?? '',
      entry: text,
      ...(source === '' ? {} : { source }),
      ...(Number.isNaN(since) ? {} : { since: timeText(since) }),
    };
  }

  #nodeText(node: number): string {
    const count4 = this.#prefixWords4.length;
    const prefix = node - 1;
    if (prefix < this.#prefixLengths.length) {
      const length = this.#prefixLengths[prefix];
      return prefix < count4
        ? prefixText(4, this.#prefixWords4, prefix, length)
        : prefixText(6, this.#prefixWords6, 4 * (prefix - count4), length);
    }
    const endpoint = prefix - this.#prefixLengths.length;
    const port = this.#endpointKeys[endpoint] & 0xffff;
    const endpoints4 = this.#endpointWords4.length;
    return endpoint < endpoints4
      ? endpointText(4, this.#endpointWords4, endpoint, port)
      : endpointText(6, this.#endpointWords6, 4 * (endpoint - endpoints4), port);
  }
}
