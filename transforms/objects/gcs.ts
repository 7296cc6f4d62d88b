/** Objects of Google Cloud Storage, as a job on an engine reads and writes them. */
import { createHash } from 'node:crypto';
import type { Bucket, Storage } from '@google-cloud/storage';

/** Of a URI `gs://bucket/object`. */
export interface GcsObject {
  readonly bucket: string;
  readonly object: string;
}

/** Beyond this an upload goes in pieces, each of which can be sent again. */
const RESUMABLE_BYTES = 16 * 2 ** 20;

/** Reads `gs://bucket/object`. Throws a RangeError where it is none. */
export function gcsObject(uri: string): GcsObject {
  const match = /^gs:\/\/([^/]+)\/(.+)$/s.exec(uri);
  if (match === null) throw new RangeError(`expected gs://bucket/object, got ${uri.slice(0, 200)}`);
  return { bucket: match[1], object: match[2] };
}

/** By the service that the environment names: each has connections and a token. */
const clients = new Map<string, Promise<Storage>>();

/** The bucket of this process's client; the library is loaded when it is first asked for. */
async function bucketOf(name: string): Promise<Bucket> {
  const service = process.env['STORAGE_EMULATOR_HOST'] ?? '';
  let client = clients.get(service);
  if (client === undefined) clients.set(service, (client = connect()));
  return (await client).bucket(name);
}

async function connect(): Promise<Storage> {
  const { IdempotencyStrategy, Storage } = await import('@google-cloud/storage');
  const storage = new Storage({
    // What is written here is named by its content: writing it twice does no harm.
    retryOptions: { idempotencyStrategy: IdempotencyStrategy.RetryAlways, maxRetries: 5 },
  });
  // Fault: where STORAGE_EMULATOR_HOST names the service, the library leaves the path of its API out.
  storage.baseUrl = `${storage.apiEndpoint}/storage/v1`;
  return storage;
}

/**
 * Writes an object, whole or not at all, in the place of one of that name; the service compares the
 * MD5 of what came.
 */
export async function putGcs(
  uri: string,
  content: Uint8Array,
  { contentType }: { readonly contentType: string },
): Promise<void> {
  const { bucket, object } = gcsObject(uri);
  await asked(`writing ${uri}`, async () =>
    (await bucketOf(bucket)).file(object).save(Buffer.from(content), {
      resumable: content.byteLength > RESUMABLE_BYTES,
      validation: false,
      metadata: { contentType, md5Hash: createHash('md5').update(content).digest('base64') },
    }),
  );
}

/** Whole content of an object; undefined where there is none. */
export async function getGcs(uri: string): Promise<Uint8Array | undefined> {
  const { bucket, object } = gcsObject(uri);
  return asked(`reading ${uri}`, async () => {
    try {
      const [content] = await (await bucketOf(bucket)).file(object).download();
      return content;
    } catch (error) {
      if ((error as { code?: unknown }).code === 404) return undefined;
      throw error;
    }
  });
}

/** Whether there is such an object. */
export async function hasGcs(uri: string): Promise<boolean> {
  const { bucket, object } = gcsObject(uri);
  return asked(`looking for ${uri}`, async () => {
    const [found] = await (await bucketOf(bucket)).file(object).exists();
    return found;
  });
}

async function asked<T>(doing: string, request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (error) {
    throw new Error(`${doing}: ${(error as Error).message}`, { cause: error });
  }
}
