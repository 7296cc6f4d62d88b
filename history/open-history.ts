import { createHash } from 'node:crypto';
import { ByteCache } from './byte-cache.js';
import { openDay, type DayFile } from './day-file.js';
import { HistoryError } from './history-error.js';
import type { DayCounts, EarlierCandidate, History, Prevalence } from './history.js';
import { PrevalenceOfDays } from './prevalent-remotes.js';
import { hashAddress } from './remote-hash.js';
import { hasSeen } from './seen-filter.js';
import { historyStore } from './open-store.js';
import type { FileRef, HistoryFiles, HistoryRef } from './store.js';
import { DAY_MS, dayOf, dayStartMs } from './utc-day.js';

/** Days before the judged one that are read. */
export const LOOK_BACK_DAYS = 28;

/** Of a process: opened days and what is gathered from them. */
const CACHE_BYTES = 512 * 2 ** 20;
const cache = new ByteCache(CACHE_BYTES);

/** Histories of this process; the oldest goes when there are more. */
const MOST_HISTORIES = 64;
const opened = new Map<string, Promise<StoredHistory>>();

/** A history of files, with what was wrong with some. */
export interface OpenedHistory extends History {
  /** One sentence for each file that is damaged, gone or not the one of the reference: it is left out. */
  readonly problems: readonly string[];
}

/** The files of a directory or bucket as they are now: JSON that travels to the workers. */
export async function describeHistory(directory: string): Promise<HistoryRef> {
  return historyStore(directory).describe();
}

/**
 * The history of the days within LOOK_BACK_DAYS strictly before the day of `windowStartMs`, and the
 * counts of that day. The same for all of a process that ask for the same. The files of those days
 * are brought to this machine first, where they lie elsewhere: a HistoryStorageError where that cannot
 * be done. They are opened when the first question is asked; which days are there is decided then,
 * once. Later a file that cannot be opened again throws a HistoryError.
 *
 * A process keeps at most 512 MiB of files open, which is 28 days of 18 MiB; beyond that, going over
 * all days reads files again.
 */
export function openHistory(ref: HistoryRef, windowStartMs: number): Promise<OpenedHistory> {
  const judged = dayOf(windowStartMs);
  const inUse = (files: readonly FileRef[]): FileRef[] =>
    files.filter(({ day }) => inReach(day, judged)).sort((a, b) => (a.day < b.day ? -1 : 1));
  const needed: HistoryRef = {
    directory: ref.directory,
    days: inUse(ref.days),
    candidates: inUse(ref.candidates).filter(({ day }) => day !== judged),
  };
  const key = createHash('sha256')
    .update(JSON.stringify([judged, needed]))
    .digest('hex');
  const known = opened.get(key);
  if (known !== undefined) return known;
  const history = bring(key, judged, needed);
  opened.set(key, history);
  // What failed is tried again by whoever asks next.
  history.catch(() => opened.delete(key));
  if (opened.size > MOST_HISTORIES) {
    const [oldest] = opened.keys();
    opened.delete(oldest);
  }
  return history;
}

async function bring(key: string, judged: string, ref: HistoryRef): Promise<StoredHistory> {
  return new StoredHistory(key, judged, ref, await historyStore(ref.directory).bring(ref));
}

/** The judged day and the look-back before it. */
function inReach(day: string, judged: string): boolean {
  const before = dayStartMs(judged) - dayStartMs(day);
  return before >= 0 && before <= LOOK_BACK_DAYS * DAY_MS;
}

/** What the first look at the files gave. */
interface Sound {
  /** The days that can be read, the judged one included. */
  readonly files: ReadonlyMap<string, FileRef>;
  readonly days: readonly string[];
  readonly candidates: ReadonlyMap<string, readonly EarlierCandidate[]>;
  readonly problems: readonly string[];
}

class StoredHistory implements OpenedHistory {
  readonly #key: string;
  readonly #judged: string;
  readonly #ref: HistoryRef;
  readonly #stored: HistoryFiles;
  #sound: Sound | undefined;

  constructor(key: string, judged: string, ref: HistoryRef, stored: HistoryFiles) {
    this.#key = key;
    this.#judged = judged;
    this.#ref = ref;
    this.#stored = stored;
  }

  get days(): readonly string[] {
    return this.#files().days;
  }

  get problems(): readonly string[] {
    return this.#files().problems;
  }

  seen(customer: string, remote: string): boolean {
    const hash = hashAddress(remote);
    if (hash === undefined) return false;
    return this.#filtersOf(customer).list.some((filter) => hasSeen(filter, hash.hi, hash.lo));
  }

  prevalence(remote: string): Prevalence | undefined {
    const hash = hashAddress(remote);
    return hash === undefined ? undefined : this.#prevalence().get(hash);
  }

  counts(day: string): DayCounts | undefined {
    const file = this.#files().files.get(day);
    return file === undefined ? undefined : this.#open(file);
  }

  candidates(remote: string): readonly EarlierCandidate[] {
    return this.#files().candidates.get(remote) ?? [];
  }

  /** Copies, so that asking for one customer after another does not go over all files each time. */
  #filtersOf(customer: string): FilterList {
    return cache.get(`seen ${this.#key} ${customer}`, () => {
      const filters = this.#before().flatMap((file) => {
        const filter = this.#open(file).seenFilter(customer);
        return filter === undefined ? [] : [filter.slice()];
      });
      return new FilterList(filters);
    });
  }

  #prevalence(): PrevalenceOfDays {
    return cache.get(`prevalence ${this.#key}`, () => {
      const prevalence = new PrevalenceOfDays();
      for (const file of this.#before()) {
        const { remotes, customers } = this.#open(file);
        prevalence.add(remotes, customers.length);
      }
      return prevalence;
    });
  }

  /** Files of the days before the judged one. */
  #before(): FileRef[] {
    const { files } = this.#files();
    return [...files.values()].filter(({ day }) => day !== this.#judged);
  }

  #files(): Sound {
    return (this.#sound ??= this.#look());
  }

  #look(): Sound {
    const problems: string[] = [];
    const sound = (read: () => void): boolean => {
      try {
        read();
        return true;
      } catch (error) {
        if (!(error instanceof HistoryError)) throw error;
        problems.push(error.message);
        return false;
      }
    };
    const days = this.#ref.days.filter((ref) => sound(() => this.#open(ref)));
    const candidates = new Map<string, EarlierCandidate[]>();
    for (const ref of this.#ref.candidates) {
      sound(() => {
        for (const candidate of this.#stored.readCandidates(ref.day, ref.sha256)) {
          const known = candidates.get(candidate.remote);
          if (known === undefined) candidates.set(candidate.remote, [candidate]);
          else known.push(candidate);
        }
      });
    }
    return {
      files: new Map(days.map((file) => [file.day, file])),
      days: days.map(({ day }) => day).filter((day) => day !== this.#judged),
      candidates,
      problems,
    };
  }

  /** Opens a day's file, which must be the one that the reference names. Throws a HistoryError. */
  #open({ day, bytes, sha256 }: FileRef): DayFile {
    const name = `${this.#ref.directory}/${day}.day`;
    return cache.get(`day ${this.#ref.directory} ${day} ${sha256}`, () => {
      const file = openDay(this.#stored.readDay(day), name);
      if (file.day !== day) throw new HistoryError(name, day, `holds the day ${file.day}`);
      if (file.sha256 !== sha256) {
        throw new HistoryError(
          name,
          day,
          `is not the file of ${bytes} bytes and sha256 ${sha256} that was there when the run began`,
        );
      }
      return file;
    });
  }
}

/** Filters of one customer on several days. */
class FilterList {
  readonly list: readonly Uint8Array[];

  constructor(list: readonly Uint8Array[]) {
    this.list = list;
  }

  get byteLength(): number {
    return this.list.reduce((sum, filter) => sum + filter.length, 64);
  }
}
