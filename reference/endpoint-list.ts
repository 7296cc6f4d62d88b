/** ip:port endpoints as feeds give them, in any order, and the same grouped: each distinct one once, sorted. */
import { U32Builder } from './column-builder.js';
import { endpointKey } from './endpoint-table.js';

/** Distinct endpoints, IPv4 before IPv6; a group is one of them. */
export interface EndpointGroups {
  readonly count: number;
  readonly count4: number;
  readonly words4: Uint32Array;
  /** Four words a group, from group `count4`. */
  readonly words6: Uint32Array;
  /** port | protocol << 16. */
  readonly keys: Uint32Array;
  /** Rows of group g: rows[rowOffsets[g]..rowOffsets[g + 1]). */
  readonly rowOffsets: Uint32Array;
  readonly rows: Uint32Array;
}

/** Collects endpoints; the row number ties each to what its feed says of it. */
export class EndpointList {
  readonly #words4 = new U32Builder();
  readonly #keys4 = new U32Builder();
  readonly #rows4 = new U32Builder();
  readonly #words6 = new U32Builder();
  readonly #keys6 = new U32Builder();
  readonly #rows6 = new U32Builder();

  /** `protocol` 0 = any. */
  add(family: 4 | 6, words: Uint32Array, port: number, protocol: number, row: number): void {
    if (family === 4) {
      this.#words4.push(words[0]);
      this.#keys4.push(endpointKey(port, protocol));
      this.#rows4.push(row);
      return;
    }
    for (let w = 0; w < 4; w++) this.#words6.push(words[w]);
    this.#keys6.push(endpointKey(port, protocol));
    this.#rows6.push(row);
  }

  group(): EndpointGroups {
    const keys = new U32Builder();
    const rowOffsets = new U32Builder();
    const rows = new U32Builder();
    const collect = (width: number, words: Uint32Array, keyOf: Uint32Array, rowOf: Uint32Array) => {
      const distinct = new U32Builder();
      const compare = (a: number, b: number): number => {
        for (let w = 0; w < width; w++) {
          const difference = words[width * a + w] - words[width * b + w];
          if (difference !== 0) return difference;
        }
        return keyOf[a] - keyOf[b];
      };
      const order = new Uint32Array(keyOf.length);
      for (let i = 0; i < order.length; i++) order[i] = i;
      order.sort(compare);
      let previous = -1;
      for (const i of order) {
        if (previous < 0 || compare(previous, i) !== 0) {
          rowOffsets.push(rows.length);
          keys.push(keyOf[i]);
          for (let w = 0; w < width; w++) distinct.push(words[width * i + w]);
        }
        previous = i;
        rows.push(rowOf[i]);
      }
      return distinct.view();
    };
    const words4 = collect(1, this.#words4.view(), this.#keys4.view(), this.#rows4.view());
    const words6 = collect(4, this.#words6.view(), this.#keys6.view(), this.#rows6.view());
    rowOffsets.push(rows.length);
    return {
      count: words4.length + words6.length / 4,
      count4: words4.length,
      words4,
      words6,
      keys: keys.view(),
      rowOffsets: rowOffsets.view(),
      rows: rows.view(),
    };
  }
}
