import { v5 as uuidV5 } from 'uuid';
import type { Finding } from '../../pipeline/finding.js';
import { sampleFinding } from '../launch/sample-finding.js';

const NAMESPACE = '11111111-2222-5333-8444-555555555555';

/** What of a revision a sink looks at. */
export interface Revision {
  /** Which finding. */
  readonly finding: number;
  readonly revision: number;
  readonly withdrawn?: boolean;
  /** Length of its summary. */
  readonly length?: number;
}

/** Finding windows of the tests: a finding's number says in which it is. */
export const WINDOWS = [
  '2026-11-21T00:00:00.000Z',
  '2026-11-22T00:00:00.000Z',
  '2026-11-23T00:00:00.000Z',
] as const;

export function revisionOf({ finding, revision, withdrawn, length }: Revision): Finding {
  return {
    ...sampleFinding,
    id: uuidV5(String(finding), NAMESPACE),
    revision,
    status: withdrawn === true ? 'withdrawn' : 'open',
    windowStart: WINDOWS[finding % WINDOWS.length],
    customer: `customer-${finding % 5}`,
    ...(length === undefined ? {} : { summary: 'x'.repeat(length) }),
  };
}

export const nameOf = ({ id, revision }: Finding): string => `${id} ${revision}`;

/** What a sink has to do, by the book. */
export class SinkModel {
  /** The latest taken of each id. */
  readonly latest = new Map<string, Finding>();

  put(findings: readonly Finding[]): readonly Finding[] {
    return findings.filter((finding) => {
      const known = this.latest.get(finding.id);
      const old =
        known === undefined ? finding.status === 'withdrawn' : finding.revision <= known.revision;
      if (!old) this.latest.set(finding.id, finding);
      return !old;
    });
  }

  /** The final set, in the order of a run in batch. */
  final(): readonly Finding[] {
    const order = ({ customer, firstSeen, id }: Finding): string =>
      [customer, firstSeen, id].join('\0');
    return [...this.latest.values()]
      .filter(({ status }) => status === 'open')
      .sort((a, b) => (order(a) < order(b) ? -1 : 1));
  }
}
