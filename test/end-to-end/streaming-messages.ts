import { gzipSync } from 'node:zlib';
import { ACK, SYN, TCP } from '../../pipeline/codes.js';
import { Random } from '../../launch/generate/random.js';
import { CSV_HEADER, csvLine, goflow2Line, type Row } from '../../launch/generate/row.js';
import type { Sensor } from '../../launch/generate/topology.js';

/** The attribute that tells the earliest event time of a message. */
export const TIME_ATTRIBUTE = 'earliest';

/** A message as a collector publishes it: the records that one exporter sent within some minutes. */
export interface FlowMessage {
  /** Of a file with the same content. */
  readonly name: string;
  readonly data: Uint8Array;
  readonly records: number;
  /** Of the records' ends, ms since 1970 UTC. */
  readonly earliestMs: number;
  /** When it leaves the collector, ms since 1970 UTC. */
  readonly sentMs: number;
  /** All its records prove which side began. */
  readonly proves: boolean;
}

/**
 * Cuts rows into messages of one sensor and `everyMs`, by the time they leave the sensor: in turn
 * canonical CSV with its header, the same compressed, and goflow2's NDJSON. Some records go alone.
 */
export function messagesOf(
  rows: Iterable<Row>,
  sensors: readonly Sensor[],
  everyMs: number,
): FlowMessage[] {
  const addresses = new Map(sensors.map(({ id, address }) => [id, address]));
  const parts = new Map<string, Row[]>();
  let n = 0;
  for (const row of rows) {
    const alone = ++n % 500 === 0 ? `-alone-${n}` : '';
    const proof = isProof(row) ? '-proof' : '';
    const key = `${Math.floor(row.exportedMs / everyMs)}-${row.sensor}${alone}${proof}`;
    const part = parts.get(key);
    if (part === undefined) parts.set(key, [row]);
    else part.push(row);
  }
  return [...parts].map(([name, own], i) => {
    const earliestMs = Math.min(...own.map(({ endMs }) => endMs));
    const sentMs = Math.max(...own.map(({ exportedMs }) => exportedMs));
    const csv = CSV_HEADER + own.map(csvLine).join('');
    const common = { records: own.length, earliestMs, sentMs, proves: isProof(own[0]) };
    switch (i % 3) {
      case 0:
        return { ...common, name: `${name}.csv`, data: Buffer.from(csv) };
      case 1:
        return { ...common, name: `${name}.csv.gz`, data: gzipSync(csv) };
      default: {
        const lines = own.map((row) => goflow2Line(row, addresses.get(row.sensor) ?? row.sensor));
        return { ...common, name: `${name}.ndjson`, data: Buffer.from(lines.join('')) };
      }
    }
  });
}

/** A SYN alone, or one SYN+ACK: what `orient` calls a handshake. */
function isProof({ protocol, tcpFlags, packets }: Row): boolean {
  if (protocol !== TCP || (tcpFlags & SYN) === 0) return false;
  return (tcpFlags & ACK) === 0 || packets === 1;
}

/**
 * Rows of which every second TCP connection has its ports exchanged, so that they speak for the wrong
 * side, and a SYN of its own from whoever began, which speaks for the right one.
 */
export function* withMisleadingPorts(rows: Iterable<Row>): Generator<Row> {
  for (const row of rows) {
    const { protocol, srcPort, dstPort, tcpFlags, startMs } = row;
    if (protocol !== TCP || (srcPort ^ dstPort) % 2 !== 0) {
      yield row;
      continue;
    }
    const exchanged = { ...row, srcPort: dstPort, dstPort: srcPort };
    yield exchanged;
    const opens = (tcpFlags & SYN) !== 0 && srcPort > dstPort;
    if (opens) yield { ...exchanged, endMs: startMs, packets: 1, bytes: 60, tcpFlags: SYN };
  }
}

/** How messages are disturbed on their way. */
export interface Disturbance {
  readonly seed: number;
  /** All are late by up to so much, so they come out of order. */
  readonly jitterMs: number;
  /** Share of messages that come again, later by up to an hour. */
  readonly twice: number;
  /** Share of messages that come later by `lateMs`. */
  readonly late: number;
  readonly lateMs: number;
  /** What proves which side began comes last: later by `lateMs`, always. */
  readonly proofLate?: boolean;
}

/** The messages as they arrive, some twice, in steps of `stepMs`. */
export function arrivals(
  messages: readonly FlowMessage[],
  { seed, jitterMs, twice, late, lateMs, proofLate = false }: Disturbance,
  stepMs: number,
): readonly (readonly FlowMessage[])[] {
  const random = new Random(seed, 1);
  const arriving = messages.flatMap((message) => {
    const isLate = random.chance(late) || (proofLate && message.proves);
    const delayMs = random.float() * jitterMs + (isLate ? lateMs : 0);
    const atMs = message.sentMs + delayMs;
    const again = random.chance(twice)
      ? [{ message, atMs: atMs + random.float() * 3_600_000 }]
      : [];
    return [{ message, atMs }, ...again];
  });
  arriving.sort((a, b) => a.atMs - b.atMs);
  const steps = new Map<number, FlowMessage[]>();
  for (const { message, atMs } of arriving) {
    const step = Math.floor(atMs / stepMs);
    const own = steps.get(step);
    if (own === undefined) steps.set(step, [message]);
    else own.push(message);
  }
  return [...steps.values()];
}
