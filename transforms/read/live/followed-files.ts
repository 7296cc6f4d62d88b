import { constants, type BigIntStats } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import {
  registerSource,
  type Delivery,
  type Intake,
  type LiveSource,
} from '../../../beam/source.js';
import type { InputSpec } from '../../../pipeline/chunk.js';
import type { Reject } from '../../../pipeline/reject.js';
import { unreadable } from '../unreadable.js';
import { FollowedFile, identityOf, type Patience } from './followed-files/followed-file.js';
import { filesAt, filesIn, isAt, rootOf, type FollowedLocation } from './followed-files/places.js';
import { decodeProgress, encodeProgress, unread } from './followed-files/progress.js';
import { readOn, type OpenFile, type Step } from './followed-files/read-on.js';
import { WatchedDirectories } from './followed-files/watched-directories.js';
import { rejectTo } from './reject-to.js';
import { Stopping } from './stopping.js';

/** Name of the source in the graph. */
export const FOLLOW_SOURCE = 'flowsieve/follow';

export interface FollowParams {
  readonly input: InputSpec;
  readonly location: FollowedLocation;
}

export interface FollowOptions extends Patience {
  /** How often all files are looked at though nothing was seen to change, ms. */
  readonly everyMs: number;
  /** How long the progress of a file that is gone is kept, ms: it may only be renamed. */
  readonly forgetMs: number;
  /** Takes a sentence for the operator. */
  readonly warn: (message: string) => void;
}

const DEFAULTS: FollowOptions = {
  settledMs: 2000,
  // A writer that gathers its lines in a buffer leaves half a line for as long as little happens.
  quietMs: 5 * 60_000,
  everyMs: 5000,
  forgetMs: 10 * 60_000,
  warn: (message) => process.emitWarning(message, { type: 'FollowWarning' }),
};

/** Without a watch nothing tells of a change. */
const UNWATCHED_EVERY_MS = 2000;

/** Looking for what was seen to change takes at most a fifth of the time, however many files. */
const REST = 4;

/** Looking without a sign, which network file systems need, a twentieth. */
const LONG_REST = 19;

/** Changes within it are looked at together. */
const GATHER_MS = 50;

const RETRY_MS = 10_000;

/** Files that are looked at in one go. */
const AT_ONCE = 64;

/** Checkpoints that one delivery takes along for files that had none. */
const MOST_PENDING = 1000;

/** Names that were told to be no UTF-8. */
const MOST_BAD_NAMES = 1000;

/**
 * Files that are there and those that come, of a name, a folder or a glob.
 *
 * In: files in any format, compressed or not. Out: chunks of whole records; the oldest file first,
 * files of one second by name. Lines of a plain file come as they are written. Binary and
 * compressed files are read once they did not change for 2 s. What is named as unfinished
 * (`nfcapd.current.*`, `*.tmp`, hidden) is left until it is renamed.
 *
 * A file is known by device, inode and its first bytes: renamed it is read on, truncated it is read
 * from its start, copied it is another one (whose records, being the same, count once). How far each
 * is read goes into the checkpoint of its chunks, so after a crash exactly what was not committed
 * comes again. A delivery's time is that of the file, as good as its arrival: the records' own times
 * are known once they are decoded.
 */
export class FollowedFiles implements LiveSource {
  readonly #input: InputSpec;
  readonly #location: FollowedLocation;
  readonly #options: FollowOptions;
  readonly #stopping = new Stopping();
  readonly #watched: WatchedDirectories;
  readonly #files = new Map<string, FollowedFile>();
  readonly #byPath = new Map<string, string>();
  /** Files that wait for a time and not for a change. */
  readonly #waiting = new Set<FollowedFile>();
  /** Checkpoints that go with the next delivery. */
  readonly #pending = new Map<string, string | null>();
  readonly #badNames = new Set<string>();
  #wake: () => void = () => undefined;
  #awake = false;
  /** Nothing but looking at all files can tell what is there. */
  #lookAtAll = true;
  #notBefore = 0;
  #nextLook = 0;

  constructor({ input, location }: FollowParams, options: Partial<FollowOptions> = {}) {
    this.#input = input;
    this.#location = location;
    this.#options = { ...DEFAULTS, ...options };
    const changed = (): void => {
      this.#awake = true;
      this.#wake();
    };
    this.#watched = new WatchedDirectories(changed, this.#options.warn);
  }

  async run(intake: Intake, checkpoint: ReadonlyMap<string, string>): Promise<void> {
    for (const [identity, text] of checkpoint) {
      const progress = decodeProgress(text);
      if (progress === undefined) this.#pending.set(identity, null);
      else this.#files.set(identity, new FollowedFile(identity, progress));
    }
    try {
      this.#watched.follow(new Set([rootOf(this.#location)]));
      while (!this.#stopping.stopped) {
        await this.#look(intake);
        const due = this.#due();
        await this.#readAll(due, intake);
        if (due.length === 0) await this.#pause();
      }
    } finally {
      this.#watched.close();
    }
  }

  stop(): void {
    this.#stopping.stop();
    this.#wake();
  }

  /** Brings what is known of the files up to date. */
  async #look(intake: Intake): Promise<void> {
    const now = performance.now();
    const changed = this.#watched.take();
    this.#awake = false;
    if (changed === undefined) this.#lookAtAll = true;
    const paths = new Set<string>();
    for (const path of changed ?? []) {
      const here = this.#byPath.has(path) || isAt(this.#location, path);
      if (here === undefined) this.#lookAtAll = true;
      else if (here) paths.add(path);
    }
    if (now >= this.#nextLook || (this.#lookAtAll && now >= this.#notBefore)) {
      await this.#lookAll(intake);
      return;
    }
    for (const file of this.#waiting) paths.add(file.path);
    const seen = await this.#see([...paths], intake);
    // One that is gone may have another name now.
    if (seen.size < paths.size) this.#lookAtAll = true;
  }

  async #lookAll(intake: Intake): Promise<void> {
    const start = performance.now();
    this.#lookAtAll = false;
    const listed = await filesAt(this.#location);
    if (listed !== undefined) {
      const astray = [...this.#files.values()].filter((file) => file.astray);
      const paths = new Set([...listed, ...astray.map((file) => file.path)]);
      const seen = await this.#see([...paths], intake);
      await this.#missing(seen, paths, intake);
      this.#watchDirectories();
    }
    const now = performance.now();
    const tookMs = now - start;
    const every = this.#watched.failed ? UNWATCHED_EVERY_MS : this.#options.everyMs;
    this.#notBefore = now + tookMs * REST;
    this.#nextLook = now + Math.max(Math.min(every, this.#options.everyMs), tookMs * LONG_REST);
  }

  /** Looks at files by name; gives the identities of those that are there. */
  async #see(paths: readonly string[], intake: Intake): Promise<Set<string>> {
    const seen = new Set<string>();
    for (let i = 0; i < paths.length && !this.#stopping.stopped; i += AT_ONCE) {
      const some = paths.slice(i, i + AT_ONCE);
      const found = await Promise.all(some.map((path) => statOf(path)));
      const now = performance.now();
      const wallMs = Date.now();
      for (const [j, stats] of found.entries()) {
        if (stats === undefined) this.#notThere(some[j], intake);
        else if (stats.isFile()) this.#saw(some[j], stats, seen, now, wallMs);
      }
    }
    return seen;
  }

  #saw(path: string, stats: BigIntStats, seen: Set<string>, now: number, wallMs: number): void {
    const identity = identityOf(stats);
    // The same file under a second name, by a link.
    if (seen.has(identity)) return;
    seen.add(identity);
    let file = this.#files.get(identity);
    if (file === undefined) {
      file = new FollowedFile(identity, unread(path));
      this.#files.set(identity, file);
    }
    const before = this.#byPath.get(path);
    // A name that another file had: that one was renamed or removed.
    if (before !== undefined && before !== identity) this.#lookAtAll = true;
    if (file.path !== path && this.#byPath.get(file.path) === identity) {
      this.#byPath.delete(file.path);
    }
    this.#byPath.set(path, identity);
    file.seen(path, stats, now, wallMs);
    this.#noteWaiting(file);
  }

  /** A listed name that is no file's: it is gone again, or the name is no UTF-8 and cannot be told. */
  #notThere(path: string, intake: Intake): void {
    if (!path.includes('\ufffd') || this.#badNames.has(path)) return;
    if (this.#badNames.size < MOST_BAD_NAMES) this.#badNames.add(path);
    this.#reject(intake, 'file-name-not-utf8', path, '');
  }

  /** Finds what was renamed out of the location, and forgets what has been gone for long. */
  async #missing(
    seen: ReadonlySet<string>,
    listed: ReadonlySet<string>,
    intake: Intake,
  ): Promise<void> {
    const now = performance.now();
    const lost = new Map<string, Set<string>>();
    for (const [identity, file] of this.#files) {
      if (seen.has(identity) || this.#stopping.stopped) continue;
      if (file.missingSince === undefined) {
        file.missingSince = now;
        file.astray = false;
        this.#waiting.delete(file);
        const directory = dirname(file.path);
        lost.set(directory, (lost.get(directory) ?? new Set()).add(identity));
      } else if (now - file.missingSince >= this.#options.forgetMs) {
        this.#forget(file);
      }
    }
    for (const [directory, identities] of lost) {
      const others = (await filesIn(directory)) ?? [];
      const unlisted = others.filter((path) => !listed.has(path));
      for (let i = 0; i < unlisted.length && identities.size > 0; i += AT_ONCE) {
        const some = unlisted.slice(i, i + AT_ONCE);
        const stats = await Promise.all(some.map((path) => statOf(path)));
        const renamed = some.filter((_path, j) => {
          const found = stats[j];
          return found !== undefined && identities.delete(identityOf(found));
        });
        for (const identity of await this.#see(renamed, intake)) {
          const file = this.#files.get(identity);
          if (file !== undefined) file.astray = true;
        }
      }
    }
  }

  #forget(file: FollowedFile): void {
    this.#files.delete(file.identity);
    this.#waiting.delete(file);
    if (this.#byPath.get(file.path) === file.identity) this.#byPath.delete(file.path);
    this.#pending.set(file.identity, null);
  }

  #watchDirectories(): void {
    const directories = new Set([rootOf(this.#location)]);
    if (this.#location.kind === 'glob') {
      for (const path of this.#byPath.keys()) directories.add(dirname(path));
    }
    this.#watched.follow(directories);
  }

  /** Files to read, the oldest first. mtime tells rotated logs apart where their names go backwards. */
  #due(): FollowedFile[] {
    const now = performance.now();
    const due: FollowedFile[] = [];
    for (const file of this.#files.values()) {
      if (file.isDue(now, this.#options)) due.push(file);
    }
    const second = (file: FollowedFile): number => Math.floor(file.mtimeMs / 1000);
    return due.sort((a, b) => {
      return second(a) - second(b) || (a.path < b.path ? -1 : a.path > b.path ? 1 : 0);
    });
  }

  async #readAll(files: readonly FollowedFile[], intake: Intake): Promise<void> {
    for (const file of files) {
      if (this.#stopping.stopped) return;
      await this.#readFile(file, intake);
    }
  }

  /** Reads one file on, through what is there. */
  async #readFile(file: FollowedFile, intake: Intake): Promise<void> {
    let handle: FileHandle | undefined;
    try {
      // A pipe that took the file's name would hold up whoever opens it.
      handle = await open(file.path, constants.O_RDONLY | constants.O_NONBLOCK);
      const stats = await handle.stat({ bigint: true });
      if (stats.isFile() && identityOf(stats) === file.identity) {
        await this.#deliverAll(file, handle, stats, intake);
      } else {
        this.#gone(file);
      }
    } catch (error) {
      if (error instanceof IntakeError) throw error.cause;
      this.#failed(file, error as Error, intake);
    } finally {
      await handle?.close();
    }
    this.#noteWaiting(file);
  }

  /** For a quiet file, minutes are waited: that is found out when all are looked at. */
  #noteWaiting(file: FollowedFile): void {
    const waits = !file.gone && file.waits !== 'nothing' && file.waits !== 'quiet';
    if (waits) this.#waiting.add(file);
    else this.#waiting.delete(file);
  }

  async #deliverAll(
    file: FollowedFile,
    handle: FileHandle,
    stats: BigIntStats,
    intake: Intake,
  ): Promise<void> {
    const now = performance.now();
    const { path, progress: before } = file;
    file.seen(path, stats, now, Date.now());
    if (before.fingerprint.length === 0 && stats.size > 0n) intake.count('files');
    const settled = file.isSettled(now, this.#options);
    const quiet = file.isQuiet(now, this.#options);
    const opened: OpenFile = { handle, path, stats, settled, quiet };
    const reading = readOn(opened, before, this.#input, (reject) => {
      rejectTo(intake, reject);
    });
    let next = await reading.next();
    while (next.done !== true) {
      const delivered = intake.deliver(this.#delivery(file, next.value));
      intake.count('bytes-read', next.value.chunk.bytes.length);
      const accepted = await this.#stopping.before(delivered).catch((error: unknown) => {
        throw new IntakeError('not taken in', { cause: error });
      });
      if (!accepted) {
        await reading.return(undefined as never);
        return;
      }
      file.progress = next.value.progress;
      next = await reading.next();
    }
    const { progress, waits } = next.value;
    const changed = encodeProgress(progress) !== encodeProgress(file.progress);
    file.progress = progress;
    // Progress without a chunk goes with the next one, of whatever file.
    if (changed) this.#pending.set(file.identity, encodeProgress(progress));
    file.read(stats, waits);
  }

  #delivery(file: FollowedFile, { chunk, progress }: Step): Delivery {
    const arrivedMs = Date.now();
    this.#pending.delete(file.identity);
    const pending = [...this.#pending.entries()].slice(0, MOST_PENDING);
    for (const [identity] of pending) this.#pending.delete(identity);
    return {
      value: { ...chunk, arrivedMs },
      timestampMs: Math.min(Math.floor(file.mtimeMs), arrivedMs),
      bytes: chunk.bytes.length + chunk.preamble.length,
      checkpoint: [...pending, [file.identity, encodeProgress(progress)]],
    };
  }

  /** The file could not be read; it is tried again later. */
  #failed(file: FollowedFile, error: Error, intake: Intake): void {
    let reason = 'file-unreadable';
    try {
      reason = unreadable('file', error);
    } catch {
      // What a retry may cure is told, and not counted as a reject.
    }
    file.retryAt(performance.now() + RETRY_MS);
    if (reason === 'file-not-found') {
      this.#gone(file);
      return;
    }
    if (file.problem === reason) return;
    file.problem = reason;
    if (reason === 'file-unreadable') {
      intake.count('follow/read-errors');
      this.#options.warn(`${file.path} cannot be read now: ${error.message}`);
    } else {
      this.#reject(intake, reason, file.path, error.message.slice(0, 200));
    }
  }

  /** Its name is another file's, or none's: where it is now shows when all are looked at. */
  #gone(file: FollowedFile): void {
    file.gone = true;
    this.#lookAtAll = true;
  }

  #reject(intake: Intake, reason: string, file: string, sample: string): void {
    const reject: Reject = { format: 'unknown', reason, file, offset: 0, sample };
    rejectTo(intake, reject);
  }

  /** Waits until something may have changed, or a file has been waited for long enough. */
  async #pause(): Promise<void> {
    const now = performance.now();
    const { settledMs } = this.#options;
    const soon = this.#lookAtAll ? Math.max(this.#notBefore - now, 0) : Infinity;
    const tick = this.#waiting.size > 0 ? settledMs / 4 : Infinity;
    const wait = Math.min(this.#nextLook - now, soon, tick);
    if (!this.#awake) await this.#sleep(Math.max(wait, 0));
    // What comes within a moment is looked at together.
    await this.#stopping.before(setTimeout(GATHER_MS));
  }

  async #sleep(ms: number): Promise<void> {
    const timer = new AbortController();
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    const slept = setTimeout(ms, undefined, timer).catch(() => undefined);
    await this.#stopping.before(Promise.race([woken, slept]));
    timer.abort();
  }
}

/** The intake's fault, not the file's. */
class IntakeError extends Error {}

/** undefined: it is not there, or not any more. */
async function statOf(path: string): Promise<BigIntStats | undefined> {
  return stat(path, { bigint: true }).catch(() => undefined);
}

registerSource<FollowParams>(FOLLOW_SOURCE, (params) => new FollowedFiles(params));
