/**
 * One indicator a line: address, prefix, `ip:port`, `[v6]:port`, `a-b`; what follows white space, a
 * semicolon or a comma is not read (ipsum's number of lists, Spamhaus' references). Comments: `#`,
 * `;`, `//`, whole lines or trailing (`#` after white space).
 */
import type { FeedEntry, FeedReader, FeedSink } from './feed-reader.js';
import { clearEntry, feedEntry } from './feed-reader.js';
import { isOtherIndicator, parseIndicator } from './indicator.js';
import { eachLine } from './lines.js';

const HASH = 35;
const SEMICOLON = 59;
const SLASH = 47;
const COMMA = 44;
const MINUS = 45;

function isSpace(c: number): boolean {
  return c === 32 || (c >= 9 && c <= 13);
}

export const addressList: FeedReader = {
  kinds: ['tags', 'routed'],

  async read(file, _options, sink): Promise<void> {
    await readAddressLines(file.bytes, sink, () => undefined);
  },
};

/** `complete` sets what the file says of all its lines. */
export async function readAddressLines(
  bytes: AsyncIterable<Uint8Array>,
  sink: FeedSink,
  complete: (entry: FeedEntry) => void,
): Promise<void> {
  const entry = feedEntry();
  await eachLine(bytes, {
    line(number, line, start, end) {
      while (start < end && isSpace(line[start])) start++;
      if (start === end || isComment(line, start, end)) return;
      sink.at(number, line, start, end);
      clearEntry(entry);
      let tokenEnd = start;
      while (tokenEnd < end && !isTokenEnd(line[tokenEnd])) tokenEnd++;
      if (
        parseSpacedRange(line, start, tokenEnd, end, entry) ||
        parseIndicator(line, start, tokenEnd, entry)
      ) {
        complete(entry);
        sink.entry(entry);
        return;
      }
      const text = Buffer.from(line.subarray(start, trimmedEnd(line, start, end))).toString(
        'latin1',
      );
      if (isOtherIndicator(text)) sink.notApplicable();
      else sink.reject('bad-address');
    },
    tooLong(number, line, start, end) {
      sink.at(number, line, start, end);
      sink.reject('line-too-long');
    },
  });
}

function isComment(line: Uint8Array, start: number, end: number): boolean {
  const c = line[start];
  return (
    c === HASH || c === SEMICOLON || (c === SLASH && start + 1 < end && line[start + 1] === SLASH)
  );
}

function isTokenEnd(c: number): boolean {
  return isSpace(c) || c === SEMICOLON || c === COMMA;
}

/** End of the text before a trailing comment and white space. */
function trimmedEnd(line: Uint8Array, start: number, end: number): number {
  let to = end;
  for (let i = start + 1; i < end; i++) {
    if (line[i] === HASH && isSpace(line[i - 1])) {
      to = i;
      break;
    }
  }
  while (to > start && isSpace(line[to - 1])) to--;
  return to;
}

/** `a - b`, of which `a` ends at `tokenEnd`. */
function parseSpacedRange(
  line: Uint8Array,
  start: number,
  tokenEnd: number,
  end: number,
  entry: FeedEntry,
): boolean {
  let at = tokenEnd;
  while (at < end && isSpace(line[at])) at++;
  if (at === tokenEnd || at === end || line[at] !== MINUS) return false;
  at++;
  while (at < end && isSpace(line[at])) at++;
  let to = at;
  while (to < end && !isTokenEnd(line[to])) to++;
  const range = Buffer.concat([
    line.subarray(start, tokenEnd),
    Uint8Array.of(MINUS),
    line.subarray(at, to),
  ]);
  return parseIndicator(range, 0, range.length, entry);
}
