import type { Storage, StorageOptions } from '@google-cloud/storage';

export type ClientOptions = StorageOptions;

/** By the service that the environment names: each has connections and a token. */
const clients = new Map<string, Promise<Storage>>();

/**
 * The client of Cloud Storage for all of a process. It asks again, with growing and random waits,
 * where an answer says that a later one may be better. `options`: a client of one's own.
 */
export function cloudStorage(options?: ClientOptions): Promise<Storage> {
  if (options !== undefined) return connect(options);
  const service = process.env['STORAGE_EMULATOR_HOST'] ?? '';
  const known = clients.get(service);
  if (known !== undefined) return known;
  const made = connect({});
  clients.set(service, made);
  return made;
}

/** The library takes a quarter of a second to load: only whoever uses a bucket waits for it. */
async function connect(options: ClientOptions): Promise<Storage> {
  const { IdempotencyStrategy, Storage } = await import('@google-cloud/storage');
  const storage = new Storage({
    // Writing the same bytes twice does no harm, and a precondition that failed is looked at again.
    retryOptions: { idempotencyStrategy: IdempotencyStrategy.RetryAlways, maxRetries: 5 },
    ...options,
  });
  // Fault: where STORAGE_EMULATOR_HOST names the service, the library leaves the path of its API out.
  storage.baseUrl = `${storage.apiEndpoint}/storage/v1`;
  return storage;
}
