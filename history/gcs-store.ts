import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bucket, Storage, StorageOptions } from '@google-cloud/storage';
import { cloudStorage } from '../objects/client.js';
import { statusOf } from '../objects/errors.js';
import { decodeCandidates, encodeCandidates } from './candidates.js';
import { openDay } from './day-file.js';
import { FileCache } from './file-cache.js';
import type { GcsPlace } from './gcs-uri.js';
import { HistoryError } from './history-error.js';
import type { EarlierCandidate } from './history.js';
import { HistoryStorageError, storageError } from './storage-error.js';
import {
  KEEP_RATIO,
  type ExistingDay,
  type FileRef,
  type HistoryFiles,
  type HistoryRef,
  type HistoryStore,
  type WrittenDay,
} from './store.js';
import { CANDIDATES_FILE, DAY_FILE, MOST_BYTES, type FileKind } from './stored-file.js';
import { dayStartMs, isDay } from './utc-day.js';

/** Objects that are brought or described at once. */
const AT_ONCE = 4;

/** Beyond this an upload goes in pieces, each of which can be sent again. */
const RESUMABLE_BYTES = 16 * 2 ** 20;

/** Times that a writer looks again because another one was faster. */
const MOST_ATTEMPTS = 20;

/** Longest wait before it does, in ms. */
const MOST_WAIT_MS = 200;

/** Candidates are some hundred bytes each, at most a few thousand a day. */
const MOST_CANDIDATES_BYTES = 64 * 2 ** 20;

const SHA256 = /^[0-9a-f]{64}$/;

/** An object as listed: what a request about this very version of it needs. */
interface StoredObject {
  readonly name: string;
  readonly day: string;
  readonly bytes: number;
  /** Of the object's content; grows with each write. */
  readonly generation: string;
  /** As its writer noted it, 64 hexadecimal digits; undefined where another program wrote it. */
  readonly sha256: string | undefined;
}

export interface GcsStoreOptions {
  /** Of the client; by default it finds credentials as all of Google's libraries do. */
  readonly client?: StorageOptions;
  /** Where files are brought to. */
  readonly cacheDirectory?: string;
}

/**
 * History under a prefix of a bucket of Google Cloud Storage. Files are read from a cache on this
 * machine, which `bring` fills. A write is one request, which makes the whole object or none, and
 * holds only while the object that it was decided against is still there.
 */
export class GcsHistoryStore implements HistoryStore {
  readonly #place: GcsPlace;
  /** As messages and references name it. */
  readonly #uri: string;
  readonly #options: StorageOptions | undefined;
  readonly #cache: FileCache;

  #client: Promise<Storage> | undefined;

  constructor(place: GcsPlace, { client, cacheDirectory }: GcsStoreOptions = {}) {
    this.#place = place;
    this.#uri = `gs://${place.bucket}/${place.prefix}`.replace(/\/$/, '');
    this.#options = client;
    this.#cache = new FileCache(cacheDirectory ?? cacheDirectoryOf(this.#uri));
  }

  async prepare(): Promise<void> {
    await this.#ask('listing its files', (bucket) =>
      bucket.getFiles({ prefix: this.#place.prefix, maxResults: 1, autoPaginate: false }),
    );
    // A job writes its days at its end: a missing right is to be known before.
    const name = `${this.#place.prefix}.write-check.${randomUUID()}.tmp`;
    await this.#ask('writing a file to see whether it may', (bucket) =>
      bucket.file(name).save('', { resumable: false, validation: false }),
    );
    await this.#ask('removing the file that it wrote to see whether it may', (bucket) =>
      bucket.file(name).delete({ ignoreNotFound: true }),
    );
  }

  async listDays(): Promise<readonly string[]> {
    return this.#ofKind(await this.#list(), DAY_FILE).map(({ day }) => day);
  }

  async describe(): Promise<HistoryRef> {
    const objects = await this.#list();
    const describe = async (kind: FileKind): Promise<FileRef[]> =>
      (await inTurn(this.#ofKind(objects, kind), (object) => this.#refOf(object, kind))).flat();
    return {
      directory: this.#uri,
      days: await describe(DAY_FILE),
      candidates: await describe(CANDIDATES_FILE),
    };
  }

  async bring(ref: HistoryRef): Promise<HistoryFiles> {
    const bring = async (files: readonly FileRef[], kind: FileKind): Promise<Brought> => {
      const brought = new Map<string, string | HistoryError>();
      await inTurn(files, async (file) => {
        try {
          brought.set(file.day, await this.#bring(file, kind));
        } catch (error) {
          if (!(error instanceof HistoryError)) throw error;
          brought.set(file.day, error);
        }
      });
      return brought;
    };
    return new BroughtFiles(
      (day, kind) => this.#uriOf(day, kind),
      await bring(ref.days, DAY_FILE),
      await bring(ref.candidates, CANDIDATES_FILE),
    );
  }

  async writeDay(
    day: string,
    pieces: readonly Uint8Array[],
    conversations: number,
  ): Promise<WrittenDay> {
    const uri = this.#uriOf(day, DAY_FILE);
    const bytes = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
    if (bytes > MOST_BYTES) {
      throw new RangeError(`history ${uri}: ${bytes} bytes, a day may have ${MOST_BYTES}`);
    }
    const content = Buffer.concat(pieces);
    for (let attempt = 1; ; attempt++) {
      const there = await this.#find(day, DAY_FILE);
      const existing = there === undefined ? null : await this.#existing(there, uri);
      if (existing === undefined) {
        // Replaced while it was read: the rule is about what is there now.
        if (attempt < MOST_ATTEMPTS) continue;
        throw new HistoryStorageError(uri, 'others keep replacing it; run again');
      }
      const kept = existing !== null && existing.conversations > KEEP_RATIO * conversations;
      if (kept || (await this.#write(day, DAY_FILE, content, there, attempt))) {
        return {
          kept,
          conversations: existing?.conversations ?? null,
          offered: conversations,
          sensors: existing?.sensors ?? [],
        };
      }
    }
  }

  async writeCandidates(day: string, candidates: readonly EarlierCandidate[]): Promise<void> {
    dayStartMs(day);
    await this.#upload(day, CANDIDATES_FILE, encodeCandidates(day, candidates));
  }

  /** Writes the file unless another was faster than `there`: false after a while, and at last an error. */
  async #write(
    day: string,
    kind: FileKind,
    content: Uint8Array,
    there: StoredObject | undefined,
    attempt: number,
  ): Promise<boolean> {
    try {
      await this.#upload(day, kind, content, there?.generation ?? 0);
      return true;
    } catch (error) {
      const cause = error instanceof HistoryStorageError ? error.cause : error;
      if (statusOf(cause) !== 412 || attempt === MOST_ATTEMPTS) throw error;
      await sleep(Math.random() * MOST_WAIT_MS);
      return false;
    }
  }

  /** `ifGeneration`: of the object that it replaces, 0 = there must be none. */
  async #upload(
    day: string,
    kind: FileKind,
    content: Uint8Array,
    ifGeneration?: number | string,
  ): Promise<void> {
    const md5Hash = createHash('md5').update(content).digest('base64');
    await this.#ask(`writing ${day}${kind.suffix}`, (bucket) =>
      bucket.file(this.#nameOf(day, kind)).save(content, {
        resumable: content.byteLength > RESUMABLE_BYTES,
        // The server compares md5Hash and makes no object of other bytes; the client's own check
        // comes afterwards, when the former object is gone already.
        validation: false,
        metadata: {
          contentType: kind.contentType,
          md5Hash,
          metadata: { sha256: kind.check(content) ?? '' },
        },
        ...(ifGeneration === undefined
          ? {}
          : { preconditionOpts: { ifGenerationMatch: ifGeneration } }),
      }),
    );
  }

  /** A day's object; null where it is damaged, undefined where it is another by now. */
  async #existing(object: StoredObject, uri: string): Promise<ExistingDay | null | undefined> {
    if (object.bytes > MOST_BYTES) return null;
    const bytes = await this.#download(object.name, { generation: object.generation });
    if (bytes === undefined) return undefined;
    try {
      const file = openDay(bytes, uri);
      return file.day === object.day ? file : null;
    } catch (error) {
      if (error instanceof HistoryError) return null;
      throw error;
    }
  }

  /** Size and digest of an object; none where it is gone by now. */
  async #refOf(object: StoredObject, kind: FileKind): Promise<FileRef[]> {
    const { day, bytes } = object;
    if (object.sha256 !== undefined) return [{ day, bytes, sha256: object.sha256 }];
    // Put there by another program, such as a copy of a local history.
    if (kind.tailBytes === null && bytes > MOST_CANDIDATES_BYTES) {
      return [{ day, bytes, sha256: '' }];
    }
    const start = kind.tailBytes === null ? 0 : Math.max(0, bytes - kind.tailBytes);
    const tail =
      bytes === 0
        ? new Uint8Array()
        : await this.#download(object.name, { generation: object.generation, start });
    return tail === undefined ? [] : [{ day, bytes, sha256: kind.digestOf(tail) }];
  }

  /** Path of the file on this machine. Throws a HistoryError where it is gone, damaged or another. */
  async #bring({ day, bytes, sha256 }: FileRef, kind: FileKind): Promise<string> {
    const uri = this.#uriOf(day, kind);
    if (!SHA256.test(sha256) || bytes > MOST_BYTES) {
      throw new HistoryError(uri, day, `its ${bytes} bytes are no such file: damaged or cut off`);
    }
    return this.#cache.path({
      sha256,
      suffix: kind.suffix,
      isSound: (content) => kind.check(content) === sha256,
      load: async () => {
        // An object that grew since is another: it is read no further than the file would be.
        const content = await this.#download(this.#nameOf(day, kind), { most: bytes });
        if (content === undefined) throw new HistoryError(uri, day, 'there is no such object now');
        const found = kind.check(content);
        if (found === sha256) return content;
        throw new HistoryError(
          uri,
          day,
          found === undefined && content.length === bytes
            ? `its ${bytes} bytes do not match their checksum: damaged or cut off`
            : `is not the file of ${bytes} bytes and sha256 ${sha256} that was there when the run began`,
        );
      },
    });
  }

  /**
   * Content of an object, from `start` on, and where it has more than `most` bytes only a little more
   * than those; undefined where there is no such object (or generation of it).
   */
  async #download(
    name: string,
    options: { readonly generation?: string; readonly start?: number; readonly most?: number },
  ): Promise<Uint8Array | undefined> {
    const { generation, start, most = MOST_BYTES } = options;
    try {
      return await this.#ask(`reading ${name}`, async (bucket) => {
        const file = bucket.file(name, generation === undefined ? {} : { generation });
        const pieces: Uint8Array[] = [];
        let bytes = 0;
        // Whoever asks compares a sha256: the client's own checksum is not needed.
        const stream = file.createReadStream({
          validation: false,
          ...(start === undefined ? {} : { start }),
        });
        for await (const piece of stream as AsyncIterable<Uint8Array>) {
          pieces.push(piece);
          bytes += piece.byteLength;
          if (bytes > most) break;
        }
        return Buffer.concat(pieces);
      });
    } catch (error) {
      if (error instanceof HistoryStorageError && statusOf(error.cause) === 404) return undefined;
      throw error;
    }
  }

  async #find(day: string, kind: FileKind): Promise<StoredObject | undefined> {
    const objects = await this.#list(this.#nameOf(day, kind));
    return this.#ofKind(objects, kind).find((object) => object.day === day);
  }

  /** Objects under the prefix whose names begin with `prefix`. */
  async #list(prefix = this.#place.prefix): Promise<readonly StoredObject[]> {
    const [files] = await this.#ask('listing its files', (bucket) =>
      // What lies in folders below is somebody else's.
      bucket.getFiles({ prefix, delimiter: '/' }),
    );
    return files.map(({ name, metadata }) => {
      const noted = metadata.metadata?.['sha256'];
      return {
        name,
        day: name.slice(this.#place.prefix.length, this.#place.prefix.length + 10),
        bytes: Number(metadata.size),
        generation: String(metadata.generation),
        // Others may write metadata too.
        sha256: typeof noted === 'string' && SHA256.test(noted) ? noted : undefined,
      };
    });
  }

  /** Those that are of a day and kind, oldest day first. */
  #ofKind(objects: readonly StoredObject[], kind: FileKind): readonly StoredObject[] {
    return objects
      .filter(({ name, day }) => isDay(day) && name === this.#nameOf(day, kind))
      .sort((a, b) => (a.day < b.day ? -1 : 1));
  }

  /** Runs a request; what fails is told with the bucket and what to do. */
  async #ask<Answer>(doing: string, request: (bucket: Bucket) => Promise<Answer>): Promise<Answer> {
    try {
      return await request(await this.#bucketOf());
    } catch (error) {
      if (error instanceof HistoryStorageError) throw error;
      throw storageError(this.#uri, this.#place.bucket, doing, error);
    }
  }

  async #bucketOf(): Promise<Bucket> {
    this.#client ??= cloudStorage(this.#options);
    return (await this.#client).bucket(this.#place.bucket);
  }

  #uriOf(day: string, kind: FileKind): string {
    return `gs://${this.#place.bucket}/${this.#nameOf(day, kind)}`;
  }

  /** Throws a RangeError where `day` is none: it becomes a part of a name. */
  #nameOf(day: string, kind: FileKind): string {
    dayStartMs(day);
    return `${this.#place.prefix}${day}${kind.suffix}`;
  }
}

/** By day: the path of the copy, or what is wrong with the object. */
type Brought = ReadonlyMap<string, string | HistoryError>;

/** Files of one reference on this machine. */
class BroughtFiles implements HistoryFiles {
  readonly #uriOf: (day: string, kind: FileKind) => string;
  readonly #days: Brought;
  readonly #candidates: Brought;

  constructor(uriOf: (day: string, kind: FileKind) => string, days: Brought, candidates: Brought) {
    this.#uriOf = uriOf;
    this.#days = days;
    this.#candidates = candidates;
  }

  readDay(day: string): Uint8Array {
    const uri = this.#uriOf(day, DAY_FILE);
    const path = this.#days.get(day);
    if (path === undefined) throw new HistoryError(uri, day, 'is not in the reference of the run');
    return readCopy(path, uri);
  }

  readCandidates(day: string, sha256?: string): readonly EarlierCandidate[] {
    const uri = this.#uriOf(day, CANDIDATES_FILE);
    const path = this.#candidates.get(day);
    if (path === undefined && sha256 === undefined) return [];
    if (path === undefined) throw new HistoryError(uri, day, 'is not in the reference of the run');
    const bytes = readCopy(path, uri);
    if (sha256 !== undefined && CANDIDATES_FILE.check(bytes) !== sha256) {
      throw new HistoryError(uri, day, `is not the file of sha256 ${sha256} that was asked for`);
    }
    return decodeCandidates(bytes, day, uri);
  }
}

function readCopy(path: string | HistoryError, uri: string): Uint8Array {
  if (path instanceof HistoryError) throw path;
  try {
    return readFileSync(path);
  } catch (cause) {
    // It was there when it was brought: the day itself is not at fault.
    const problem = `its copy on this machine is gone (${(cause as Error).message}); run again`;
    throw new HistoryStorageError(uri, problem, { cause });
  }
}

/** One directory for all processes of a user that read this place. */
function cacheDirectoryOf(uri: string): string {
  const user = process.getuid?.() ?? '';
  const hash = createHash('sha256').update(`${user} ${uri}`).digest('hex').slice(0, 16);
  return join(tmpdir(), `flowsieve-history-${hash}`);
}

/** `work` on all items, AT_ONCE of them at a time; results in the order of the items. */
async function inTurn<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      results[at] = await work(items[at]);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, worker));
  return results;
}
