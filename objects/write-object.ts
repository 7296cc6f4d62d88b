import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { cloudStorage, type ClientOptions } from './client.js';
import { statusOf, WRITER } from './errors.js';
import { describeObject } from './list-objects.js';
import { ObjectStorageError } from './object-error.js';
import { objectUri, type ObjectPlace } from './object-uri.js';

/** Beyond this an upload goes in pieces, each of which can be sent again. */
const RESUMABLE_BYTES = 16 * 2 ** 20;

/** Times that a writer looks again because another one was faster. */
const MOST_ATTEMPTS = 10;

/** Longest wait before it does, in ms. */
const MOST_WAIT_MS = 200;

/**
 * Writes an object that appears whole or not at all, in the place of the one that is there. Under its
 * name there is nothing of it before the service has all bytes and found their MD5 to be right; an
 * upload that is broken off leaves no object. It holds only against the version that was there when
 * it began: where another writer was faster with the same bytes (the same bundle, tried twice) it is
 * done, else it looks again, so of several writers the last one's object stays.
 *
 * Throws an ObjectStorageError.
 */
export async function writeObject(
  place: ObjectPlace,
  pieces: Iterable<Uint8Array>,
  contentType: string,
  client?: ClientOptions,
): Promise<void> {
  const { bucket, name } = place;
  const content = Buffer.concat([...pieces]);
  const md5 = createHash('md5').update(content).digest('base64');
  for (let attempt = 1; ; attempt++) {
    const there = await describeObject(place, client);
    if (attempt > 1 && there?.md5 === md5) return;
    try {
      const file = (await cloudStorage(client)).bucket(bucket).file(name);
      await file.save(content, {
        resumable: content.byteLength > RESUMABLE_BYTES,
        // The service compares md5Hash before there is an object; the client would do it afterwards.
        validation: false,
        metadata: { contentType, md5Hash: md5 },
        preconditionOpts: { ifGenerationMatch: there?.generation ?? 0 },
      });
      return;
    } catch (error) {
      if (statusOf(error) !== 412 || attempt === MOST_ATTEMPTS) {
        const asked = { bucket, doing: 'writing it', role: WRITER };
        throw new ObjectStorageError(objectUri(place), asked, error);
      }
      await sleep(Math.random() * MOST_WAIT_MS);
    }
  }
}

/**
 * Makes sure, before a long job, that objects can be written and replaced below `prefix` (it ends in
 * a slash). Throws an ObjectStorageError.
 */
export async function checkWritable(
  { bucket, prefix }: { readonly bucket: string; readonly prefix: string },
  client?: ClientOptions,
): Promise<void> {
  const name = `${prefix}.write-check.${randomUUID()}.tmp`;
  const ask = async (doing: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      const uri = `gs://${bucket}/${prefix}`;
      throw new ObjectStorageError(uri, { bucket, doing, role: WRITER }, error);
    }
  };
  const file = (await cloudStorage(client)).bucket(bucket).file(name);
  await ask('writing an object to see whether it may', () =>
    file.save('', { resumable: false, validation: false }),
  );
  await ask('removing the object that it wrote to see whether it may', () =>
    file.delete({ ignoreNotFound: true }),
  );
}
