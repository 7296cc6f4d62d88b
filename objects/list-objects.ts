import type { FileMetadata } from '@google-cloud/storage';
import type { Checksums } from './checksum.js';
import { cloudStorage, type ClientOptions } from './client.js';
import { statusOf } from './errors.js';
import { isGlob, nameGlob } from './name-glob.js';
import { ObjectStorageError } from './object-error.js';
import { objectUri, type ObjectPlace } from './object-uri.js';

/** One version of an object: what a request about these very bytes needs. */
export interface ObjectVersion extends ObjectPlace, Checksums {
  /** Bytes as stored. */
  readonly size: number;
  /** Of the object's content; another with each write. */
  readonly generation: string;
}

/** Objects of a page of a list: the most that the service gives. */
const PAGE = 1000;

/** What is needed of each object, so that a page is not several times as long. */
const FIELDS = 'items(name,size,generation,md5Hash,crc32c),nextPageToken';

/**
 * The objects that `place` stands for, in the order of their names: the one of that name, or those
 * that match where it is a glob. Holds two pages of a list. Throws an ObjectStorageError.
 */
export async function* listObjects(
  place: ObjectPlace,
  client?: ClientOptions,
): AsyncGenerator<ObjectVersion, void, undefined> {
  const itself = await describeObject(place, client);
  if (itself !== undefined) yield itself;
  if (itself !== undefined || !isGlob(place.name)) return;
  const glob = nameGlob(place.name);
  let next = page(place, glob.prefix, undefined, client);
  for (;;) {
    const { objects, token } = await next;
    // The next page comes while this one is used; who stops early waits for nothing.
    if (token !== undefined) next = page(place, glob.prefix, token, client);
    next.catch(() => undefined);
    for (const object of objects) if (glob.matches(object.name)) yield object;
    if (token === undefined) return;
  }
}

/** The object as it is now; undefined where there is none. Throws an ObjectStorageError. */
export async function describeObject(
  place: ObjectPlace,
  client?: ClientOptions,
): Promise<ObjectVersion | undefined> {
  const { bucket, name } = place;
  try {
    const file = (await cloudStorage(client)).bucket(bucket).file(name);
    const [metadata] = await file.getMetadata();
    return versionOf(bucket, { ...metadata, name });
  } catch (error) {
    if (statusOf(error) === 404 && !/bucket does not exist/i.test((error as Error).message))
      return undefined;
    throw new ObjectStorageError(objectUri(place), { bucket, doing: 'looking for it' }, error);
  }
}

async function page(
  place: ObjectPlace,
  prefix: string,
  token: string | undefined,
  client: ClientOptions | undefined,
): Promise<{ objects: readonly ObjectVersion[]; token: string | undefined }> {
  const { bucket } = place;
  try {
    const [files, , answer] = await (await cloudStorage(client)).bucket(bucket).getFiles({
      prefix,
      autoPaginate: false,
      maxResults: PAGE,
      fields: FIELDS,
      ...(token === undefined ? {} : { pageToken: token }),
    });
    // Where fields are named the client gives the items themselves, whatever its types say.
    const items = files as unknown as readonly (FileMetadata & { readonly name: string })[];
    const objects = items.map((item) => versionOf(bucket, item));
    return { objects, token: (answer as { nextPageToken?: string } | undefined)?.nextPageToken };
  } catch (error) {
    const doing = `listing its objects "${prefix}..."`;
    throw new ObjectStorageError(objectUri(place), { bucket, doing }, error);
  }
}

function versionOf(
  bucket: string,
  metadata: FileMetadata & { readonly name: string },
): ObjectVersion {
  const { name, size, generation, md5Hash, crc32c } = metadata;
  return {
    bucket,
    name,
    size: Number(size),
    generation: String(generation),
    ...(md5Hash === undefined ? {} : { md5: md5Hash }),
    ...(md5Hash !== undefined || crc32c === undefined ? {} : { crc32c }),
  };
}
