import type { Finding } from '../../pipeline/finding.js';

/** A revision that a sink took. */
export interface Taken {
  readonly finding: Finding;
  /** It had none of this finding before, as far as it remembers. */
  readonly isNew: boolean;
}

/** Where a stream of findings goes. Idempotent by id and revision. */
export interface FindingSink {
  /**
   * Puts revisions of findings there, in that order; when it resolves they are durable as far as the
   * place can promise it. A revision that it has already, or a lower one, it leaves out, and so a
   * withdrawal of a finding that it never had. Returns those that it took.
   */
  put(findings: readonly Finding[]): Promise<readonly Taken[]>;
  close(): Promise<void>;
}
