import type { DayCounts, DaySensor, EarlierCandidate } from './history.js';

/**
 * Where the files of history lie: `2025-03-03.day` and `2025-03-03.candidates.json`, in a directory
 * or under a prefix of a bucket. Throws a HistoryStorageError where that place cannot be used.
 */
export interface HistoryStore {
  /** Makes sure, before a long run, that files can be listed and written there. */
  prepare(): Promise<void>;
  /** Days with a file, sound or not, oldest first; none where nothing was ever written. */
  listDays(): Promise<readonly string[]>;
  /** The files as they are now. */
  describe(): Promise<HistoryRef>;
  /**
   * The files that `ref` names, on this machine. One that is gone, damaged or another is told when it
   * is read; a place that cannot be used is told here.
   */
  bring(ref: HistoryRef): Promise<HistoryFiles>;
  /**
   * Writes a day's file (pieces of `encodeDay`), whole or not at all, unless a sound one is there
   * with more than KEEP_RATIO times as many conversations: a run that saw only some late records of
   * a day must not replace the whole day. Of two writers at once the last one's file stays.
   */
  writeDay(day: string, pieces: readonly Uint8Array[], conversations: number): Promise<WrittenDay>;
  /** Replaces the candidates of a day; all must be of that day. */
  writeCandidates(day: string, candidates: readonly EarlierCandidate[]): Promise<void>;
}

/** Reading is synchronous, because filters ask in the middle of a group. */
export interface HistoryFiles {
  /** Bytes of a day's file. Throws a HistoryError where it cannot be read. */
  readDay(day: string): Uint8Array;
  /**
   * Candidates of a day; none where it has no file, unless one of `sha256` is asked for. Throws a
   * HistoryError where the file is damaged or another than the one asked for.
   */
  readCandidates(day: string, sha256?: string): readonly EarlierCandidate[];
}

/** What a rule about a day's file needs of the one that is there. */
export type ExistingDay = Pick<DayCounts, 'sensors'> & { readonly conversations: number };

/** A day's file is kept against one with fewer conversations than this part of its own. */
export const KEEP_RATIO = 2;

export interface WrittenDay {
  /** Whether the file that was there stayed. */
  readonly kept: boolean;
  /** Conversations in the file that was there; null = none, or it was damaged. */
  readonly conversations: number | null;
  /** Conversations in the new one. */
  readonly offered: number;
  /** Sensors in the file that was there. */
  readonly sensors: readonly DaySensor[];
}

/** The history as it is when a run begins: what travels through the graph. JSON. */
export interface HistoryRef {
  /** A path or `gs://bucket/prefix`. */
  readonly directory: string;
  readonly days: readonly FileRef[];
  /** Days with a file of candidates. */
  readonly candidates: readonly FileRef[];
}

export interface FileRef {
  readonly day: string;
  readonly bytes: number;
  /** Hexadecimal; of a day's file the checksum that it ends with, of candidates that of the file. */
  readonly sha256: string;
}
