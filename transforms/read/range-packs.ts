import type { InputSpec } from '../../pipeline/chunk.js';
import type { ObjectVersion } from '../../objects/list-objects.js';
import { placeOf } from '../../objects/object-uri.js';
import type { FileRange } from './chunks.js';

/** Ranges of a pack, and bytes in them, at most; a range that has more is a pack of its own. */
const MOST_RANGES = 64;
const MOST_BYTES = 8 << 20;

/** What the URI does not say of an object. */
type Version = Omit<ObjectVersion, 'bucket' | 'name'>;

interface PackedRange extends Omit<FileRange, 'input' | 'object'> {
  readonly object?: Version;
}

/**
 * Ranges of one input that are read together, as text: a million small files wait in memory or cross
 * a shuffle between the step that lists and the one that reads.
 */
export class RangePacker {
  readonly #input: InputSpec;
  #ranges: PackedRange[] = [];
  #bytes = 0;

  constructor(input: InputSpec) {
    this.#input = input;
  }

  /** Adds a range; gives the pack that it has no room in. */
  add({ uri, start, end, object }: Omit<FileRange, 'input'>): string | undefined {
    const bytes = end - start;
    const full = this.#ranges.length === MOST_RANGES || this.#bytes + bytes > MOST_BYTES;
    const pack = full ? this.rest() : undefined;
    this.#ranges.push({ uri, start, end, ...(object && { object: versionOf(object) }) });
    this.#bytes += bytes;
    return pack;
  }

  /** The last pack; none where it would be empty. */
  rest(): string | undefined {
    if (this.#ranges.length === 0) return undefined;
    const pack = JSON.stringify({ input: this.#input, ranges: this.#ranges });
    this.#ranges = [];
    this.#bytes = 0;
    return pack;
  }
}

/** The ranges of a pack. */
export function rangesOf(pack: string): readonly FileRange[] {
  const { input, ranges } = JSON.parse(pack) as {
    readonly input: InputSpec;
    readonly ranges: readonly PackedRange[];
  };
  return ranges.map(({ object, ...range }) => ({
    input,
    ...range,
    ...(object && { object: { ...placeOf(range.uri), ...object } }),
  }));
}

function versionOf({ bucket: _bucket, name: _name, ...version }: ObjectVersion): Version {
  return version;
}
