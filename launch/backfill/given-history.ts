/** What the second pass of a partition reads of the history, fixed once the first pass is over. */
import { describeHistory, LOOK_BACK_DAYS } from '../../history/open-history.js';
import type { FileRef, HistoryRef } from '../../history/store.js';
import { DAY_MS, dayOf } from '../../history/utc-day.js';
import type { JudgedDay } from '../../transforms/history.js';
import type { Partition } from './partitions.js';
import type { HistoryRecord } from './records.js';

/** Records of the first pass, by partition. */
export type HistoryRecords = ReadonlyMap<string, HistoryRecord>;

/** The history with the days that the backfill wrote. */
export class PinnedHistory {
  readonly #place: string;
  readonly #described: HistoryRef;
  readonly #records: HistoryRecords;

  private constructor(place: string, described: HistoryRef, records: HistoryRecords) {
    this.#place = place;
    this.#records = records;
    const days = [...records.values()].flatMap((record) => record.days);
    const kept = new Map(days.map((day) => [day.day, day.kept]));
    // As in one run over all: lists of days that are judged are written after, a rerun would find them.
    const candidates = described.candidates.filter(({ day }) => kept.get(day) !== false);
    this.#described = { ...described, candidates };
  }

  static async of(place: string, records: HistoryRecords): Promise<PinnedHistory> {
    return new PinnedHistory(place, await describeHistory(place), records);
  }

  /** The history that judgements of a partition read. */
  before({ startMs, endMs }: Partition): HistoryRef {
    const first = dayOf(startMs - LOOK_BACK_DAYS * DAY_MS);
    const last = dayOf(endMs - 1);
    const inReach = (files: readonly FileRef[]): FileRef[] =>
      files.filter(({ day }) => day >= first && day <= last);
    const { directory, days, candidates } = this.#described;
    return { directory, days: inReach(days), candidates: inReach(candidates) };
  }

  /** The days of a partition that its first pass wrote, oldest first. */
  judged(partition: Partition): readonly JudgedDay[] {
    const history = this.before(partition);
    const days = this.#records.get(partition.name)?.days ?? [];
    return days.map(({ day, kept }) => ({ day, kept, history }));
  }

  /**
   * Throws an Error where a day that a partition reads, and a first pass wrote, is no longer what it
   * wrote: another job writes to the same place.
   */
  checkOwnDays(partition: Partition): void {
    const there = new Map(this.before(partition).days.map(({ day, sha256 }) => [day, sha256]));
    const first = dayOf(partition.startMs - LOOK_BACK_DAYS * DAY_MS);
    const last = dayOf(partition.endMs - 1);
    for (const { days } of this.#records.values()) {
      for (const { day, sha256 } of days) {
        if (day < first || day > last || there.get(day) === sha256) continue;
        throw new Error(
          `another job wrote ${day} in the history ${this.#place} meanwhile; ` +
            `stop it, or give the backfill a history of its own, and start again`,
        );
      }
    }
  }

  /** Throws an Error where what a partition reads has changed since. */
  async checkUnchanged(partition: Partition): Promise<void> {
    const now = await PinnedHistory.of(this.#place, this.#records);
    now.checkOwnDays(partition);
    if (JSON.stringify(now.before(partition)) !== JSON.stringify(this.before(partition))) {
      throw new Error(`the history ${this.#place} changed while the partition was judged`);
    }
  }
}
