import type { Reject } from '../../pipeline/reject.js';

/** An input cannot be read whole, and the job is not to go on without it. */
export class StrictError extends Error {
  override readonly name = 'StrictError';

  constructor({ file, reason, sample }: Reject) {
    const more = sample === '' || sample.startsWith(file) ? '' : ` (${sample})`;
    const what = sample.startsWith(`${file}: `) ? sample : `${file}${more}`;
    super(`--strict: an input cannot be read whole: ${reason}: ${what}`);
  }
}

/** Whether a reject is of a whole file, or of what is left of one; others are of records. */
export function isOfFile({ reason }: Reject): boolean {
  return reason.startsWith('file-');
}
