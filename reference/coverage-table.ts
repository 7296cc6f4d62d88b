/**
 * What the scan looked at: networks, ports, protocol and the time between. One row a network and run
 * of ports, sorted; the counting filters ask it whether silence means anything.
 */
import { F64Builder, U32Builder } from './column-builder.js';
import { PrefixList } from './prefix-list.js';
import type { TableFile } from './table-file.js';
import { encodeTable } from './table-file.js';

export interface CoverageRow {
  readonly firstPort: number;
  readonly lastPort: number;
  /** IANA number. */
  readonly protocol: number;
  /** ms since 1970. */
  readonly firstMs: number;
  readonly lastMs: number;
}

export class CoverageTableBuilder {
  readonly #prefixes = new PrefixList();
  readonly #ports = new U32Builder();
  readonly #protocols = new U32Builder();
  readonly #first = new F64Builder();
  readonly #last = new F64Builder();

  add(family: 4 | 6, words: Uint32Array, length: number, row: CoverageRow): void {
    this.#prefixes.add(family, words, length, this.#ports.length);
    this.#ports.push(((row.firstPort << 16) | row.lastPort) >>> 0);
    this.#protocols.push(row.protocol);
    this.#first.push(row.firstMs);
    this.#last.push(row.lastMs);
  }

  encode(): Uint8Array[] {
    const groups = this.#prefixes.group();
    const ports = this.#ports.view();
    const protocols = this.#protocols.view();
    const first = this.#first.view();
    const last = this.#last.view();
    for (let g = 0; g < groups.count; g++) {
      groups.rows
        .subarray(groups.rowOffsets[g], groups.rowOffsets[g + 1])
        .sort(
          (a, b) =>
            protocols[a] - protocols[b] ||
            ports[a] - ports[b] ||
            first[a] - first[b] ||
            last[a] - last[b],
        );
    }
    const { rows } = groups;
    return encodeTable(
      'coverage',
      {},
      {
        start4: groups.start4,
        start6: groups.start6,
        lengths: groups.length,
        rowOffsets: groups.rowOffsets,
        ports: Uint32Array.from(rows, (row) => ports[row]),
        protocols: Uint32Array.from(rows, (row) => protocols[row]),
        firstMs: Float64Array.from(rows, (row) => first[row]),
        lastMs: Float64Array.from(rows, (row) => last[row]),
      },
    );
  }
}

/** An opened coverage table: its columns. Network n has the rows rowOffsets[n]..rowOffsets[n + 1]. */
export class CoverageTable {
  readonly start4: Uint32Array;
  /** Four words a network, from network `start4.length`. */
  readonly start6: Uint32Array;
  readonly lengths: Uint8Array;
  readonly rowOffsets: Uint32Array;
  /** First port << 16 | last port. */
  readonly ports: Uint32Array;
  readonly protocols: Uint32Array;
  readonly firstMs: Float64Array;
  readonly lastMs: Float64Array;

  /** Throws CorruptTableError. */
  constructor(file: TableFile) {
    this.start4 = file.u32('start4');
    this.start6 = file.u32('start6');
    this.lengths = file.u8('lengths');
    this.rowOffsets = file.u32('rowOffsets');
    this.ports = file.u32('ports');
    this.protocols = file.u32('protocols');
    this.firstMs = file.f64('firstMs');
    this.lastMs = file.f64('lastMs');
    file.check(
      this.start4.length + this.start6.length / 4 === this.lengths.length &&
        this.rowOffsets.length === this.lengths.length + 1 &&
        [this.protocols, this.firstMs, this.lastMs].every((s) => s.length === this.ports.length),
      `sections of ${this.lengths.length} networks do not fit each other`,
    );
    file.checkBelow('rowOffsets', this.rowOffsets, this.ports.length + 1);
  }
}
