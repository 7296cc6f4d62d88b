/**
 * Scan inventory by address, port and protocol. What several feeds or lines say of one service
 * becomes one entry: tags of all, the earliest and the latest time, and name and feed of the line
 * seen last.
 */
import { AddressIndex } from './address-index.js';
import { BoundedCache } from './bounded-cache.js';
import { checkNames, MAX_NAMES, maskOf } from './category-mask.js';
import { F64Builder, TextBuilder, U32Builder } from './column-builder.js';
import { EndpointList } from './endpoint-list.js';
import { compileEndpoints, endpointKey, EndpointTable } from './endpoint-table.js';
import { endpointText, timeText } from './entry-text.js';
import { protocolText } from './protocol-name.js';
import type { ServiceEntry, ServiceTable } from './reference.js';
import type { SectionArray, TableFile } from './table-file.js';
import { encodeTable } from './table-file.js';

const CACHED_ENTRIES = 4096;
/** Services of one address that are listed: what answers on more ports than this is no server but a trap. */
const MAX_LISTED = 1000;

export interface ServiceRow {
  readonly port: number;
  /** IANA number. */
  readonly protocol: number;
  readonly service: string;
  readonly tags: readonly string[];
  readonly feed: string;
  /** ms since 1970; NaN = not said. */
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
}

export class ServiceTableBuilder {
  readonly #endpoints = new EndpointList();
  readonly #services = new TextBuilder();
  readonly #tagNames = new TextBuilder();
  readonly #feeds = new TextBuilder();
  readonly #service = new U32Builder();
  readonly #tags = new U32Builder();
  readonly #feed = new U32Builder();
  readonly #first = new F64Builder();
  readonly #last = new F64Builder();

  constructor() {
    this.#services.id('');
  }

  /** Throws a RangeError with the 33rd distinct tag. */
  add(family: 4 | 6, words: Uint32Array, row: ServiceRow): void {
    let mask = 0;
    for (const tag of row.tags) {
      const bit = this.#tagNames.id(tag);
      if (bit >= MAX_NAMES) checkNames('inventory tags', this.#tagNames.sorted().texts);
      mask |= 1 << bit;
    }
    this.#endpoints.add(family, words, row.port, row.protocol, this.#tags.length);
    this.#tags.push(mask >>> 0);
    this.#service.push(this.#services.id(row.service));
    this.#feed.push(this.#feeds.id(row.feed));
    this.#first.push(row.firstSeenMs);
    this.#last.push(row.lastSeenMs);
  }

  /** `versions`: content hash by feed. */
  encode(versions: ReadonlyMap<string, string>): Uint8Array[] {
    const services = this.#services.sorted();
    const tagNames = this.#tagNames.sorted();
    const feeds = this.#feeds.sorted();
    const groups = this.#endpoints.group();
    const service = this.#service.view();
    const tags = this.#tags.view();
    const feed = this.#feed.view();
    const first = this.#first.view();
    const last = this.#last.view();

    const masks = new Uint32Array(groups.count + 1);
    const entryServices = new Uint32Array(groups.count + 1);
    const entryFeeds = new Uint32Array(groups.count + 1);
    const firstSeen = new Float64Array(groups.count + 1).fill(NaN);
    const lastSeen = new Float64Array(groups.count + 1).fill(NaN);
    const lastKey = (row: number): number => (Number.isNaN(last[row]) ? -Infinity : last[row]);
    const serviceRank = (row: number): number => services.place[service[row]] || Infinity;
    for (let g = 0; g < groups.count; g++) {
      const id = g + 1;
      let best = -1;
      for (const row of groups.rows.subarray(groups.rowOffsets[g], groups.rowOffsets[g + 1])) {
        masks[id] = (masks[id] | reorder(tags[row], tagNames.place)) >>> 0;
        if (!(firstSeen[id] <= first[row])) {
          firstSeen[id] = Number.isNaN(first[row]) ? firstSeen[id] : first[row];
        }
        if (!(lastSeen[id] >= last[row])) {
          lastSeen[id] = Number.isNaN(last[row]) ? lastSeen[id] : last[row];
        }
        const better =
          best < 0 ||
          lastKey(row) > lastKey(best) ||
          (lastKey(row) === lastKey(best) &&
            (serviceRank(row) < serviceRank(best) ||
              (serviceRank(row) === serviceRank(best) &&
                feeds.place[feed[row]] < feeds.place[feed[best]])));
        if (better) best = row;
      }
      entryServices[id] = services.place[service[best]];
      entryFeeds[id] = feeds.place[feed[best]];
    }

    const blob = Buffer.from(services.texts.join(''));
    const textOffsets = new Uint32Array(services.texts.length + 1);
    services.texts.forEach((text, i) => {
      textOffsets[i + 1] = textOffsets[i] + Buffer.byteLength(text);
    });
    const hashed = compileEndpoints(groups, 1);
    const sections: Record<string, SectionArray> = {
      ...hashed.sections,
      masks,
      entryServices,
      entryFeeds,
      firstSeen,
      lastSeen,
      words4: groups.words4,
      words6: groups.words6,
      keys: groups.keys,
      textOffsets,
      text: new Uint8Array(blob),
    };
    return encodeTable(
      'inventory',
      {
        ...hashed.meta,
        tags: tagNames.texts,
        feeds: feeds.texts,
        feedVersions: feeds.texts.map((name) => versions.get(name) ?? ''),
      },
      sections,
    );
  }
}

/** The mask with bit i moved to place[i]. */
function reorder(mask: number, place: Uint32Array): number {
  let moved = 0;
  for (let bit = 0; bit < place.length; bit++) {
    if ((mask >>> bit) & 1) moved |= 1 << place[bit];
  }
  return moved >>> 0;
}

/** Whether the IPv6 address at `at` is the one after it too. */
function sameWords(words: Uint32Array, at: number): boolean {
  return (
    words[at] === words[at + 4] &&
    words[at + 1] === words[at + 5] &&
    words[at + 2] === words[at + 6] &&
    words[at + 3] === words[at + 7]
  );
}

/** An opened inventory. */
export class CompiledServiceTable implements ServiceTable {
  /** Tag names; bit i of a mask is tag i. */
  readonly tags: readonly string[];
  readonly #endpoints: EndpointTable;
  readonly #addresses: AddressIndex;
  readonly #masks: Uint32Array;
  /** By place: tags of this service and of those that follow it at the same address. */
  readonly #addressMasks: Uint32Array;
  readonly #entryServices: Uint32Array;
  readonly #entryFeeds: Uint32Array;
  readonly #firstSeen: Float64Array;
  readonly #lastSeen: Float64Array;
  readonly #words4: Uint32Array;
  readonly #words6: Uint32Array;
  readonly #keys: Uint32Array;
  readonly #textOffsets: Uint32Array;
  readonly #text: Uint8Array;
  readonly #feeds: readonly string[];
  readonly #feedVersions: readonly string[];
  readonly #entries = new BoundedCache<ServiceEntry>(CACHED_ENTRIES);

  /** Throws CorruptTableError. */
  constructor(file: TableFile) {
    this.tags = file.texts('tags');
    this.#feeds = file.texts('feeds');
    this.#feedVersions = file.texts('feedVersions');
    this.#masks = file.u32('masks');
    this.#entryServices = file.u32('entryServices');
    this.#entryFeeds = file.u32('entryFeeds');
    this.#firstSeen = file.f64('firstSeen');
    this.#lastSeen = file.f64('lastSeen');
    this.#words4 = file.u32('words4');
    this.#words6 = file.u32('words6');
    this.#keys = file.u32('keys');
    this.#textOffsets = file.u32('textOffsets');
    this.#text = file.u8('text');
    const ids = this.#keys.length + 1;
    file.check(
      this.#words4.length + this.#words6.length / 4 === this.#keys.length &&
        [this.#masks, this.#entryServices, this.#entryFeeds].every((s) => s.length === ids) &&
        this.#firstSeen.length === ids &&
        this.#lastSeen.length === ids,
      `sections of ${ids} ids do not fit each other`,
    );
    file.checkBelow('entryServices', this.#entryServices, this.#textOffsets.length - 1);
    this.#endpoints = new EndpointTable(file, ids);
    this.#addresses = new AddressIndex(file, this.#words4, this.#words6);
    this.#addressMasks = this.#masksByAddress();
  }

  /** A host that answers on all ports has 65,535 entries: adding up their tags is done once, from the last to the first. */
  #masksByAddress(): Uint32Array {
    const count4 = this.#words4.length;
    const masks = this.#masks.slice(1);
    for (let place = masks.length - 2; place >= 0; place--) {
      const sameAddress =
        place < count4
          ? place + 1 < count4 && this.#words4[place] === this.#words4[place + 1]
          : sameWords(this.#words6, 4 * (place - count4));
      if (sameAddress) masks[place] = (masks[place] | masks[place + 1]) >>> 0;
    }
    return masks;
  }

  find4(word: number, port: number, protocol: number): number {
    return this.#endpoints.find4(word, endpointKey(port, protocol));
  }

  find6(w0: number, w1: number, w2: number, w3: number, port: number, protocol: number): number {
    return this.#endpoints.find6(w0, w1, w2, w3, endpointKey(port, protocol));
  }

  tagsOf(id: number): number {
    return this.#masks[id];
  }

  tagMask(names: Iterable<string>): number {
    return maskOf(this.tags, names);
  }

  knows4(word: number): boolean {
    return this.#addresses.first4(word) >= 0;
  }

  knows6(w0: number, w1: number, w2: number, w3: number): boolean {
    return this.#addresses.first6(w0, w1, w2, w3) >= 0;
  }

  tagsAt4(word: number): number {
    const place = this.#addresses.first4(word);
    return place < 0 ? 0 : this.#addressMasks[place];
  }

  tagsAt6(w0: number, w1: number, w2: number, w3: number): number {
    const place = this.#addresses.first6(w0, w1, w2, w3);
    return place < 0 ? 0 : this.#addressMasks[this.#words4.length + place];
  }

  entriesAt(family: 4 | 6, words: Uint32Array, at: number): readonly ServiceEntry[] {
    const index = this.#addresses;
    const first =
      family === 4
        ? index.first4(words[at])
        : index.first6(words[at], words[at + 1], words[at + 2], words[at + 3]);
    if (first < 0) return [];
    const end = family === 4 ? index.end4(first) : index.end6(first);
    const firstId = 1 + first + (family === 4 ? 0 : this.#words4.length);
    const count = Math.min(end - first, MAX_LISTED);
    return Array.from({ length: count }, (_, i) => this.entry(firstId + i));
  }

  /** Throws a RangeError where there is no such entry. */
  entry(id: number): ServiceEntry {
    if (id <= 0 || id >= this.#masks.length) {
      throw new RangeError(`inventory entry ${id}, expected 1..${this.#masks.length - 1}`);
    }
    return this.#entries.get(id, (missing) => this.#decode(missing));
  }

  #decode(id: number): ServiceEntry {
    const at = id - 1;
    const count4 = this.#words4.length;
    const port = this.#keys[at] & 0xffff;
    const address =
      at < count4
        ? endpointText(4, this.#words4, at, port)
        : endpointText(6, this.#words6, 4 * (at - count4), port);
    const text = this.#entryServices[id];
    const feed = this.#entryFeeds[id];
    const first = this.#firstSeen[id];
    const last = this.#lastSeen[id];
    return {
      entry: `${address}/${protocolText(this.#keys[at] >>> 16)}`,
      service: Buffer.from(
        this.#text.subarray(this.#textOffsets[text], this.#textOffsets[text + 1]),
      ).toString(),
      tags: this.tags.filter((_, bit) => (this.#masks[id] >>> bit) & 1),
      feed: this.#feeds[feed] ?? '',
      feedVersion: this.#feedVersions[feed] ?? '',
      ...(Number.isNaN(first) ? {} : { firstSeen: timeText(first) }),
      ...(Number.isNaN(last) ? {} : { lastSeen: timeText(last) }),
    };
  }
}
