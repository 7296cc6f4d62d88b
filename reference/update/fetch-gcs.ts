/** Fetches a feed from Cloud Storage, when its object has another generation than the one at hand. */
import { createHash } from 'node:crypto';
import type { File, StorageOptions } from '@google-cloud/storage';
import { cloudStorage } from '../../objects/client.js';
import type { Validators } from './feed-state.js';
import {
  Deadline,
  type Fetched,
  FetchError,
  type FetchLimits,
  limited,
  type Take,
} from './fetching.js';

/** Of the client of Cloud Storage: where the service is, and how it is asked again. */
export type GcsClientOptions = StorageOptions;

/** Characters of an answer that a message repeats. */
const SHOWN_CHARACTERS = 300;

/** Asks `gs://bucket/object` for content other than `known`, which `take` reads. Throws a FetchError. */
export async function fetchGcs<Taken>(
  { bucket, object }: { readonly bucket: string; readonly object: string },
  known: Validators,
  limits: FetchLimits,
  take: Take<Taken>,
  client?: GcsClientOptions,
): Promise<Fetched<Taken>> {
  const deadline = new Deadline(limits.totalMs);
  try {
    const storage = await cloudStorage(client);
    deadline.expect('answer', limits.connectMs + limits.idleMs);
    const newest = storage.bucket(bucket).file(object);
    const found = await unless(deadline.signal, describe(newest, known.generation));
    if (found === undefined || found.generation === known.generation) return { changed: false };
    const { generation } = found;
    const file = storage.bucket(bucket).file(object, { generation });
    const taken = await take(contentOf(file, found, limits, deadline));
    return { changed: true, taken, validators: { generation } };
  } catch (error) {
    const cause: unknown = deadline.signal.aborted ? deadline.signal.reason : error;
    throw new FetchError(`gs://${bucket}/${object}: ${reasonOf(cause)}`, { cause });
  } finally {
    deadline.clear();
  }
}

interface Described {
  readonly generation: string;
  readonly bytes: number;
  /** base64; undefined for objects that were composed of others. */
  readonly md5: string | undefined;
}

/** What the object is now; undefined where it still has `generation`. */
async function describe(
  file: File,
  generation: string | undefined,
): Promise<Described | undefined> {
  try {
    const condition = generation === undefined ? {} : { ifGenerationNotMatch: generation };
    const [{ generation: now, size, md5Hash }] = await file.getMetadata(condition);
    return { generation: String(now), bytes: Number(size), md5: md5Hash };
  } catch (error) {
    if (generation !== undefined && statusOf(error) === 304) return undefined;
    throw error;
  }
}

async function* contentOf(
  file: File,
  { bytes, md5 }: Described,
  { maxBytes, idleMs }: FetchLimits,
  deadline: Deadline,
): AsyncGenerator<Uint8Array> {
  if (bytes > maxBytes) throw new FetchError(`has ${bytes} bytes, the limit is ${maxBytes}`);
  // As it lies there: what is packed is unpacked by whoever reads the copy, within its limit.
  const stream = file.createReadStream({ validation: false, decompress: false });
  deadline.signal.addEventListener('abort', () => stream.destroy());
  const hash = createHash('md5');
  let received = 0;
  try {
    deadline.expect('content', idleMs);
    for await (const chunk of limited(stream, maxBytes, 'has more')) {
      deadline.expect('more content', idleMs);
      hash.update(chunk);
      received += chunk.length;
      yield chunk;
    }
  } finally {
    stream.destroy();
  }
  if (received !== bytes || (md5 !== undefined && hash.digest('base64') !== md5)) {
    throw new FetchError(`${received} bytes came that are not the ${bytes} of the object`);
  }
}

/** The promise, or the signal's reason if that is first. */
async function unless<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error));
    promise.then(resolve, reject);
  });
}

function statusOf(error: unknown): number | undefined {
  const code = Number((error as { readonly code?: unknown } | null)?.code);
  return Number.isInteger(code) ? code : undefined;
}

const REASONS: ReadonlyMap<number | undefined, string> = new Map([
  [401, 'there are no valid credentials'],
  [403, 'access is denied; the account needs the role roles/storage.objectViewer'],
  [404, 'there is no such object'],
]);

/** What went wrong, in one line without control characters: it comes from elsewhere. */
function reasonOf(error: unknown): string {
  const known = REASONS.get(statusOf(error));
  if (known !== undefined) return known;
  const message = error instanceof Error ? error.message : String(error);
  const line = message.replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ').trim();
  return line.slice(0, SHOWN_CHARACTERS);
}
