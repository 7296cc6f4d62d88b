import { setTimeout as sleep } from 'node:timers/promises';
import type { Readable } from 'node:stream';
import { checkOf } from './checksum.js';
import type { ClientOptions } from './client.js';
import { download } from './download.js';
import { isOfNetwork, shown, statusOf } from './errors.js';
import { describeObject, type ObjectVersion } from './list-objects.js';
import { ObjectError, ObjectStorageError } from './object-error.js';
import { objectUri } from './object-uri.js';

/** Times in a row that a read may break without a byte. */
const MOST_FAILURES = 5;

/** First wait after a broken read, and the longest, in ms; each is between half of it and all. */
const FIRST_WAIT_MS = 500;
const MOST_WAIT_MS = 30_000;

/** A connection that gives nothing for so long is given up. */
const SILENCE_MS = 60_000;

/** Bytes that are asked for at once beyond what the reader said it needs. */
const BEYOND_BYTES = 1 << 20;

export interface ReadOptions {
  /** Bytes that the reader will take in any case end here; it may take more. Default: the end. */
  readonly until?: number;
  readonly client?: ClientOptions | undefined;
  /** For tests: first wait after a broken read. */
  readonly waitMs?: number;
}

/**
 * The bytes of an object from `start` on, of the very version that was listed. A read that breaks
 * goes on where it broke. What is read as a whole is compared with the object's checksum at its end,
 * when the bytes were given out; of a part there is none.
 *
 * Throws an ObjectError where the object is at fault, else an ObjectStorageError.
 */
export async function* readObject(
  object: ObjectVersion,
  start: number,
  { until = object.size, client, waitMs = FIRST_WAIT_MS }: ReadOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const whole = start === 0 && until >= object.size;
  const check = whole ? await checkOf(object) : undefined;
  let at = start;
  let failures = 0;
  while (at < object.size) {
    const end = Math.min(object.size, at < until ? until : at + BEYOND_BYTES);
    try {
      for await (const piece of pieces(object, at, end, client)) {
        at += piece.length;
        failures = 0;
        check?.update(piece);
        yield piece;
      }
      if (at < end) throw new ShortRead(`the answer ended ${end - at} bytes early`);
    } catch (error) {
      failures++;
      if (!mayGoOn(error) || failures > MOST_FAILURES) {
        throw await faultOf(object, at, error, client);
      }
      const wait = Math.min(MOST_WAIT_MS, waitMs * 2 ** (failures - 1));
      await sleep(wait * (0.5 + Math.random() / 2));
    }
  }
  const problem = check?.problem();
  if (problem !== undefined) throw new ObjectError('wrong-checksum', objectUri(object), problem);
}

/** An answer had fewer bytes than were asked for. */
class ShortRead extends Error {}

/** One request. */
async function* pieces(
  object: ObjectVersion,
  start: number,
  end: number,
  client: ClientOptions | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const stream = await download(object, start, end, client);
  let left = end - start;
  try {
    for await (const piece of unlessSilent(stream)) {
      if (piece.length > left) throw new ShortRead('the answer has more bytes than were asked for');
      left -= piece.length;
      yield piece;
    }
  } finally {
    stream.destroy();
  }
}

/** The stream's pieces; it breaks where the next one takes too long, not where nobody takes one. */
async function* unlessSilent(stream: Readable): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array, undefined>;
  for (;;) {
    const timer = setTimeout(() => {
      stream.destroy(new ShortRead(`nothing came for ${SILENCE_MS / 1000} s`));
    }, SILENCE_MS);
    const { done, value } = await iterator.next().finally(() => clearTimeout(timer));
    if (done === true) return;
    yield value;
  }
}

/** Whether the rest may come if it is asked for again. */
function mayGoOn(error: unknown): boolean {
  const status = statusOf(error);
  if (status === undefined) return error instanceof ShortRead || isOfNetwork(error);
  return status === 408 || status === 429 || status >= 500;
}

/** What a read that failed for good means. */
async function faultOf(
  object: ObjectVersion,
  at: number,
  error: unknown,
  client: ClientOptions | undefined,
): Promise<Error> {
  const uri = objectUri(object);
  const status = statusOf(error);
  if (status === 404) {
    // The service says no more than that this version is not there.
    const now = await describeObject(object, client);
    if (now === undefined) return new ObjectError('not-found', uri, 'there is no such object now');
    const problem = `it was replaced after it was listed: generation ${object.generation} then, ${now.generation} now`;
    return new ObjectError('changed', uri, problem);
  }
  if (status === 403) return new ObjectError('not-permitted', uri, shown(error), { cause: error });
  if (status === 416 || error instanceof ShortRead) {
    const problem = `only ${at} of its ${object.size} bytes can be read (${shown(error)})`;
    return new ObjectError('truncated', uri, problem, { cause: error });
  }
  const { bucket } = object;
  return new ObjectStorageError(uri, { bucket, doing: `reading it from byte ${at} on` }, error);
}
