/** What was to be written is not there: the disk is full, the reader has gone, ... A later try may succeed. */
export class WriteError extends Error {
  /** Of the system: `ENOSPC`, `EPIPE`, ...; undefined where it is none of those. */
  readonly code: string | undefined;

  /** `what` as in "cannot write WHAT". */
  constructor(what: string, cause: unknown) {
    const { code, message } =
      cause instanceof Error
        ? (cause as NodeJS.ErrnoException)
        : { code: undefined, message: String(cause) };
    const why = (code === undefined ? undefined : REASONS.get(code)) ?? message;
    super(`cannot write ${what}: ${why}`, { cause });
    this.name = 'WriteError';
    this.code = code;
  }
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOSPC', 'the disk is full (ENOSPC)'],
  ['EDQUOT', 'the disk quota is used up (EDQUOT)'],
  ['EROFS', 'the file system is read-only (EROFS)'],
  ['EACCES', 'no permission to write it (EACCES)'],
  ['EPIPE', 'its reader has gone (EPIPE)'],
]);
