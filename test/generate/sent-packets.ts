import { ACK, SYN, TCP } from '../../pipeline/codes.js';
import type { Label } from '../../launch/generate/label.js';
import type { Row } from '../../launch/generate/row.js';

/** Who sent packets to whom, with the flags of all of them. */
export interface Sent {
  readonly from: string;
  readonly to: string;
  readonly flags: number;
  readonly packets: number;
  readonly bytes: number;
}

/** What the sensor that sees all packets saw of TCP, by both addresses and ports. */
export function sentBy(rows: Iterable<Row>): readonly Sent[] {
  const flows = new Map<string, Sent>();
  for (const row of rows) {
    if (row.sensor !== 'core-1' || row.protocol !== TCP) continue;
    const { srcIp: from, dstIp: to, srcPort, dstPort, tcpFlags, packets, bytes } = row;
    const key = `${from} ${srcPort} ${to} ${dstPort} ${row.startMs}`;
    // Redelivered rows are identical.
    flows.set(key, { from, to, flags: tcpFlags, packets, bytes });
  }
  return [...flows.values()];
}

/** Distinct addresses that an address sent SYNs to and never an ACK. */
export function probedBy(address: string, sent: readonly Sent[]): ReadonlySet<string> {
  const own = sent.filter(({ from }) => from === address);
  const answered = new Set(own.filter(({ flags }) => (flags & ACK) !== 0).map(({ to }) => to));
  return new Set(
    own.filter(({ to, flags }) => (flags & SYN) !== 0 && !answered.has(to)).map(({ to }) => to),
  );
}

/** Labels of a scenario. */
export function labelsOf(labels: readonly Label[], filter: string, scenario: string): Label[] {
  return labels.filter((label) => label.filter === filter && label.scenario === scenario);
}
