import { problemOf, READER, type Asked } from './errors.js';

/** What is wrong with one object; the others may be sound. */
export type ObjectFault =
  /** It is gone, or never was there. */
  | 'not-found'
  /** Another has its name since it was listed. */
  | 'changed'
  | 'not-permitted'
  /** It has fewer bytes than were listed. */
  | 'truncated'
  /** Its bytes are not those that its writer's checksum is of. */
  | 'wrong-checksum';

/** An object cannot be read, whoever tries again. */
export class ObjectError extends Error {
  override readonly name = 'ObjectError';
  readonly fault: ObjectFault;

  constructor(fault: ObjectFault, uri: string, problem: string, options?: ErrorOptions) {
    super(`${uri}: ${problem}`, options);
    this.fault = fault;
  }
}

/** A bucket cannot be used: no credentials, no bucket, no right, no network, no answer. */
export class ObjectStorageError extends Error {
  override readonly name = 'ObjectStorageError';

  /** `place`: the URI that was asked for. */
  constructor(
    place: string,
    asked: Pick<Asked, 'bucket' | 'doing'> & Partial<Asked>,
    cause: unknown,
  ) {
    const problem = problemOf({ role: READER, setting: 'URI', ...asked }, cause);
    super(`${place}: ${problem}`, { cause });
  }
}
