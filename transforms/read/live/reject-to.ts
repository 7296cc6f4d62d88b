import type { Intake } from '../../../beam/source.js';
import type { Reject } from '../../../pipeline/reject.js';

/** Counts a reject as the batch reader does, and hands it over where somebody takes it. */
export function rejectTo(intake: Intake, reject: Reject): void {
  intake.count(`rejects/${reject.format}/${reject.reason}`);
  intake.reject?.(reject);
}
