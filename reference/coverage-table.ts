/**
 * What the scan looked at: networks, ports and protocol, and when last. The counting filters ask it
 * whether silence means anything.
 *
 * A node is a distinct prefix with its own ports, and points to the node of the prefix around it: a
 * look-up finds the closest prefix and climbs, so that nested and overlapping networks all answer
 * and nothing is repeated however deep they nest. Nodes: IPv4 prefixes, IPv6 prefixes, each sorted;
 * they count from 1.
 */
import { F64Builder, U32Builder } from './column-builder.js';
import { endpointKey } from './endpoint-table.js';
import { latestRuns } from './port-runs.js';
import { PrefixList } from './prefix-list.js';
import { compileRanges, parentGroups, RangeTable } from './range-table.js';
import type { CoverageLookup } from './reference.js';
import type { TableFile } from './table-file.js';
import { encodeTable } from './table-file.js';

/** One network and run of ports. */
export interface CoverageRow {
  readonly firstPort: number;
  readonly lastPort: number;
  /** IANA number. */
  readonly protocol: number;
  /** End of the scan, ms since 1970. */
  readonly lastMs: number;
}

export class CoverageTableBuilder {
  readonly #prefixes = new PrefixList();
  readonly #first = new U32Builder();
  readonly #last = new U32Builder();
  readonly #time = new F64Builder();

  /** Host bits of the prefix must be zero; `lastMs` must be a time. */
  add(family: 4 | 6, words: Uint32Array, length: number, row: CoverageRow): void {
    this.#prefixes.add(family, words, length, this.#time.length);
    this.#first.push(endpointKey(row.firstPort, row.protocol));
    this.#last.push(endpointKey(row.lastPort, row.protocol));
    this.#time.push(row.lastMs);
  }

  encode(): Uint8Array[] {
    const groups = this.#prefixes.group();
    const runs = { first: this.#first.view(), last: this.#last.view(), time: this.#time.view() };
    const runOffsets = new Uint32Array(groups.count + 1);
    const firstKeys = new U32Builder();
    const lastKeys = new U32Builder();
    const lastMs = new F64Builder();
    const values = new Uint32Array(groups.count);
    for (let g = 0; g < groups.count; g++) {
      values[g] = g + 1;
      const rows = groups.rows.subarray(groups.rowOffsets[g], groups.rowOffsets[g + 1]);
      latestRuns(rows, runs, (first, last, time) => {
        firstKeys.push(first);
        lastKeys.push(last);
        lastMs.push(time);
      });
      runOffsets[g + 1] = firstKeys.length;
    }
    return encodeTable(
      'coverage',
      {},
      {
        ...compileRanges(groups, values),
        parents: parentGroups(groups),
        runOffsets,
        firstKeys: firstKeys.view(),
        lastKeys: lastKeys.view(),
        lastMs: lastMs.view(),
      },
    );
  }
}

/** An opened coverage table. */
export class CoverageTable implements CoverageLookup {
  readonly #ranges: RangeTable;
  /** Node around node n: parents[n - 1]; 0 = none. */
  readonly #parents: Uint32Array;
  /** Runs of node n: runOffsets[n - 1] up to runOffsets[n]; disjoint, ascending. */
  readonly #runOffsets: Uint32Array;
  /** port | protocol << 16, both included. */
  readonly #firstKeys: Uint32Array;
  readonly #lastKeys: Uint32Array;
  readonly #lastMs: Float64Array;

  /** Throws CorruptTableError. */
  constructor(file: TableFile) {
    this.#parents = file.u32('parents');
    this.#runOffsets = file.u32('runOffsets');
    this.#firstKeys = file.u32('firstKeys');
    this.#lastKeys = file.u32('lastKeys');
    this.#lastMs = file.f64('lastMs');
    const nodes = this.#parents.length;
    file.check(
      this.#runOffsets.length === nodes + 1 &&
        this.#lastKeys.length === this.#firstKeys.length &&
        this.#lastMs.length === this.#firstKeys.length,
      `sections of ${nodes} networks do not fit each other`,
    );
    file.checkBelow('runOffsets', this.#runOffsets, this.#firstKeys.length + 1);
    for (let node = 1; node <= nodes; node++) {
      // Above comes before: so every walk upwards ends.
      if (this.#parents[node - 1] >= node) {
        file.check(false, `node ${node} lies in node ${this.#parents[node - 1]}`);
      }
    }
    this.#ranges = new RangeTable(file, nodes + 1);
  }

  covers4(word: number, port: number, protocol: number): boolean {
    return this.#covers(this.#ranges.find4(word), endpointKey(port, protocol));
  }

  covers6(w0: number, w1: number, w2: number, w3: number, port: number, protocol: number): boolean {
    return this.#covers(this.#ranges.find6(w0, w1, w2, w3), endpointKey(port, protocol));
  }

  lastScan4(word: number, port: number, protocol: number): number {
    return this.#lastScan(this.#ranges.find4(word), endpointKey(port, protocol));
  }

  lastScan6(
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    port: number,
    protocol: number,
  ): number {
    return this.#lastScan(this.#ranges.find6(w0, w1, w2, w3), endpointKey(port, protocol));
  }

  #covers(closest: number, key: number): boolean {
    for (let node = closest; node > 0; node = this.#parents[node - 1]) {
      if (this.#run(node, key) >= 0) return true;
    }
    return false;
  }

  #lastScan(closest: number, key: number): number {
    let latest = -Infinity;
    for (let node = closest; node > 0; node = this.#parents[node - 1]) {
      const run = this.#run(node, key);
      if (run >= 0 && this.#lastMs[run] > latest) latest = this.#lastMs[run];
    }
    return latest;
  }

  /** The node's own run that holds `key`; -1 = none. */
  #run(node: number, key: number): number {
    const firstKeys = this.#firstKeys;
    const start = this.#runOffsets[node - 1];
    let low = start;
    let high = this.#runOffsets[node];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (firstKeys[middle] <= key) low = middle + 1;
      else high = middle;
    }
    return low > start && this.#lastKeys[low - 1] >= key ? low - 1 : -1;
  }
}
