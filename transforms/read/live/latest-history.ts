/** The files of the history as they are now, as a live source: an element whenever they are others. */
import { registerSource, type Intake } from '../../../beam/source.js';
import { describeHistory } from '../../../history/open-history.js';
import { PolledSource } from './polled-source.js';

interface LatestHistoryParams {
  /** Directory or gs://bucket/prefix. */
  readonly directory: string;
  readonly everyMs: number;
}

export const LATEST_HISTORY = 'flowsieve/latest-history';

registerSource<LatestHistoryParams>(LATEST_HISTORY, ({ directory, everyMs }) => {
  let delivered = '';
  return new PolledSource(everyMs, async (intake: Intake) => {
    let described;
    try {
      described = await describeHistory(directory);
    } catch {
      // What was there last stays in force; the counter tells, and the next look tries again.
      intake.count('history/unreadable');
      if (delivered === '') throw new Error(`the history ${directory} cannot be read`);
      return;
    }
    const text = JSON.stringify(described);
    if (text === delivered) return;
    delivered = text;
    await intake.deliver({ value: described, timestampMs: Date.now(), bytes: text.length });
  });
});
