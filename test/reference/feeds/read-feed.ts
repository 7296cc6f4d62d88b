import { countsByName, FeedCounter } from '../../../reference/feed-counter.js';
import type {
  FeedEntry,
  FeedReader,
  FeedReadOptions,
} from '../../../reference/feeds/feed-reader.js';
import { endpointText, prefixText } from '../../../reference/entry-text.js';

async function* chunksOf(content: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += size) {
    yield await Promise.resolve(content.subarray(at, at + size));
  }
}

export interface FeedResult {
  /** What `show` made of each entry. */
  readonly entries: readonly string[];
  readonly rejected: Readonly<Record<string, number>>;
  readonly notes: Readonly<Record<string, number>>;
  readonly notApplicable: number;
  readonly read: number;
  readonly samples: readonly string[];
}

/** Reads a feed's text in chunks of `chunkBytes`. */
export async function readFeed(
  reader: FeedReader,
  content: string | Uint8Array,
  options: Partial<FeedReadOptions> & { path?: string; chunkBytes?: number } = {},
  show: (entry: FeedEntry) => string = entryText,
): Promise<FeedResult> {
  const entries: string[] = [];
  const counter = new FeedCounter((entry) => {
    entries.push(show(entry));
    return undefined;
  });
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  await reader.read(
    { path: options.path ?? 'feed.txt', bytes: chunksOf(bytes, options.chunkBytes ?? 65536) },
    { kind: options.kind ?? 'tags', columns: options.columns ?? {} },
    counter,
  );
  return {
    entries,
    rejected: countsByName(counter.rejected),
    notes: countsByName(counter.notes),
    notApplicable: counter.notApplicableCount,
    read: counter.read,
    samples: counter.samples.map(({ line, reason, sample }) => `${line} ${reason} ${sample}`),
  };
}

/** Address, prefix or endpoint of an entry, and the end of its range. */
export function entryText({ address, prefixLength, port, rangeLast }: FeedEntry): string {
  const { family, words } = address;
  if (port !== 0) return endpointText(family, words, 0, port);
  const text = prefixText(family, words, 0, prefixLength);
  return rangeLast < 0 ? text : `${text}-${prefixText(4, Uint32Array.of(rangeLast), 0, 32)}`;
}
