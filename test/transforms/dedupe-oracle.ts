import { ACK, FLAGS_UNKNOWN, GRADE, REASON, ROLE, RST, SOURCE, TCP } from '../../pipeline/codes.js';
import { formatAddressAt } from '../../pipeline/address.js';
import { counterEnd, type ConversationBatch } from '../../pipeline/conversation-batch.js';
import { gradeRecord } from '../../transforms/established/grade.js';
import {
  clientSide,
  orientationReason,
  orientRecord,
} from '../../transforms/orient/orientation.js';
import type { PlainFlow } from '../pipeline/flow-rows.js';

/** A flow record with all its columns, as it comes to dedupe. */
export type Row = Required<PlainFlow>;

/** A conversation of a window, told in plain values. */
export interface PlainConversation {
  readonly key: string;
  readonly windowStartMs: number;
  readonly windowEndMs: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly records: number;
  readonly flagsOut: number;
  readonly flagsIn: number;
  readonly role: number;
  readonly reason: number;
  readonly grade: number;
  readonly counters: readonly string[];
}

/** A record as orient, established and the joins hand it on; undefined where they drop it. */
export function joinedRow(flow: PlainFlow): Row | undefined {
  const full: Row = {
    srcPort: 0,
    dstPort: 0,
    protocol: TCP,
    startMs: 0,
    endMs: 0,
    packets: 1,
    bytes: 40,
    tcpFlags: 0,
    samplingRate: 0,
    sensor: 's',
    evidence: 0,
    initiator: 0,
    client: 0,
    reason: 0,
    grade: 0,
    customer: 'c',
    customerSide: SOURCE,
    customerClaim: 0,
    ...flow,
  };
  const grade = gradeRecord(full.evidence, full.tcpFlags, full.packets, full.bytes);
  if (grade === GRADE.unknown) return undefined;
  const { initiator, tcpFlags, packets, srcPort, dstPort } = full;
  const oriented = orientRecord(initiator, tcpFlags, packets, srcPort, dstPort);
  return {
    ...full,
    grade,
    client: clientSide(oriented),
    reason: orientationReason(oriented),
  };
}

/** Slow and obvious: the rules of dedupe over plain objects. Redelivered rows are counted too. */
export function dedupeSlowly(
  rows: readonly Row[],
  windowMs: number,
): { conversations: PlainConversation[]; repeated: number } {
  const groups = new Map<string, Row[]>();
  const seen = new Set<string>();
  let repeated = 0;
  for (const row of rows) {
    const text = JSON.stringify(Object.entries(row).sort());
    if (seen.has(text)) {
      repeated++;
      continue;
    }
    seen.add(text);
    const start = Math.floor(row.endMs / windowMs) * windowMs;
    const key = JSON.stringify([start, keyOf(row)]);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const conversations = [...groups.values()].map((group) => conversationOf(group, windowMs));
  return { conversations: inOrder(conversations), repeated };
}

function keyOf(row: Row): string {
  const src = `${row.src}#${row.srcPort}`;
  const dst = `${row.dst}#${row.dstPort}`;
  const ends = row.customerSide === SOURCE ? [src, dst] : [dst, src];
  return [row.customer, ...ends, row.protocol].join(' ');
}

function conversationOf(rows: readonly Row[], windowMs: number): PlainConversation {
  const out = rows.filter(({ customerSide }) => customerSide === SOURCE);
  const back = rows.filter(({ customerSide }) => customerSide !== SOURCE);
  const windowStartMs = Math.floor(rows[0].endMs / windowMs) * windowMs;
  const decided = rows
    .filter(({ reason }) => reason !== REASON.unknown)
    .sort((a, b) => b.reason - a.reason || a.startMs - b.startMs || roleOf(a) - roleOf(b))
    .at(0);
  return {
    key: keyOf(rows[0]),
    windowStartMs,
    windowEndMs: windowStartMs + windowMs,
    firstMs: Math.min(...rows.map(({ startMs }) => startMs)),
    lastMs: Math.max(...rows.map(({ endMs }) => endMs)),
    records: rows.length,
    flagsOut: flagsOf(out),
    flagsIn: flagsOf(back),
    role: decided === undefined ? ROLE.unknown : roleOf(decided),
    reason: decided?.reason ?? REASON.unknown,
    grade: gradeOf(rows, out, back),
    counters: countersOf(rows),
  };
}

function roleOf({ client, customerSide }: Row): number {
  return client === customerSide ? ROLE.client : ROLE.server;
}

function flagsOf(rows: readonly Row[]): number {
  return rows
    .filter(({ tcpFlags }) => tcpFlags !== FLAGS_UNKNOWN)
    .reduce((flags, { tcpFlags }) => flags | tcpFlags, 0);
}

function gradeOf(rows: readonly Row[], out: readonly Row[], back: readonly Row[]): number {
  const best = Math.max(...rows.map(({ grade }) => grade));
  if (best !== GRADE.answered) return best;
  const answers = (some: readonly Row[]): boolean =>
    some.some(({ grade }) => grade === GRADE.answered);
  // RST+ACK refuses: it carries no handshake on.
  const acks = (some: readonly Row[]): boolean =>
    some.some(({ tcpFlags: f }) => f !== FLAGS_UNKNOWN && (f & ACK) !== 0 && (f & RST) === 0);
  return (answers(out) && acks(back)) || (answers(back) && acks(out))
    ? GRADE.medium
    : GRADE.answered;
}

function countersOf(rows: readonly Row[]): string[] {
  const sums = new Map<string, number[]>();
  for (const row of rows) {
    const key = `${row.sensor} 1/${row.samplingRate}`;
    const sum = sums.get(key) ?? [0, 0, 0, 0];
    const at = row.customerSide === SOURCE ? 0 : 2;
    sum[at] += row.packets;
    sum[at + 1] += row.bytes;
    sums.set(key, sum);
  }
  return [...sums].map(([key, sum]) => `${key}: ${sum.join(' ')}`).sort();
}

/** The rows of a batch in the same words. */
export function plainConversations(batch: ConversationBatch): PlainConversation[] {
  const { columns: c, counters, family } = batch;
  return Array.from({ length: batch.rows }, (_unused, row) => {
    const customer = `${formatAddressAt(family, c.customerAddr, row)}#${c.customerPort[row]}`;
    const remote = `${formatAddressAt(family, c.remoteAddr, row)}#${c.remotePort[row]}`;
    const lines: string[] = [];
    for (let i = c.counterStart[row]; i < counterEnd(batch, row); i++) {
      const counts = [counters.outPackets, counters.outBytes, counters.inPackets, counters.inBytes];
      const sensor = `${batch.sensors[counters.sensor[i]]} 1/${counters.samplingRate[i]}`;
      lines.push(`${sensor}: ${counts.map((column) => column[i]).join(' ')}`);
    }
    return {
      key: [batch.customers[c.customer[row]], customer, remote, c.protocol[row]].join(' '),
      windowStartMs: c.windowStartMs[row],
      windowEndMs: c.windowEndMs[row],
      firstMs: c.firstMs[row],
      lastMs: c.lastMs[row],
      records: c.records[row],
      flagsOut: c.flagsOut[row],
      flagsIn: c.flagsIn[row],
      role: c.role[row],
      reason: c.reason[row],
      grade: c.grade[row],
      counters: lines.sort(),
    };
  });
}

export function inOrder(conversations: readonly PlainConversation[]): PlainConversation[] {
  const order = ({ key, windowStartMs }: PlainConversation): string =>
    `${String(windowStartMs).padStart(16, '0')} ${key}`;
  return [...conversations].sort((a, b) => (order(a) < order(b) ? -1 : 1));
}
