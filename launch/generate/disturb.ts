import { ACK, FIN, PSH, RST, SYN, TCP } from '../../pipeline/codes.js';
import { shuffle, type Random } from './random.js';
import type { Row } from './row.js';

/**
 * What may happen to flow records between the wire and us without a finding changing: for property
 * tests. All return new arrays and leave the rows alone.
 */

/**
 * Swaps source and destination of half of those records whose orientation says nothing, as an
 * exporter does that has no idea who began.
 *
 * In a one-way record `src` is who sent the packets. That matters only where the flags show who
 * began (SYN without ACK; SYN+ACK in a record of one packet) or where a grade depends on the
 * direction (SYN+ACK and no more counts if the *other* direction has an ACK; RST+ACK has one and is
 * no connection). Such records stay as they are; everything else may be swapped: TCP records whose
 * own grade is medium or strong, and what is not TCP.
 *
 * Preserved: which conversations there are, their grade, role and reason; the keys of all findings
 * (customer, filter, both addresses, service, indicator, window), their conversations and revision.
 * Not preserved: which of a finding's packets and bytes are out and which are in.
 * Copies of one record are swapped alike, so that redelivered rows remain identical.
 */
export function swapAtRandom(rows: readonly Row[], random: Random): Row[] {
  const salt = random.next();
  return rows.map((row) => (swappable(row) && (hashRow(row, salt) & 1) === 1 ? swap(row) : row));
}

/** Whether nothing follows from which side of the record is its source. */
export function swappable({ protocol, tcpFlags, packets }: Row): boolean {
  if (protocol !== TCP) return true;
  if ((tcpFlags & ACK) === 0) return false;
  if ((tcpFlags & SYN) !== 0 && packets === 1) return false;
  const data = (tcpFlags & PSH) !== 0;
  const finished = (tcpFlags & FIN) !== 0 && (tcpFlags & RST) === 0;
  const onlyAcks = (tcpFlags & (SYN | RST)) === 0;
  return data || finished || onlyAcks;
}

function swap(row: Row): Row {
  const { srcIp, dstIp, srcPort, dstPort } = row;
  return { ...row, srcIp: dstIp, dstIp: srcIp, srcPort: dstPort, dstPort: srcPort };
}

function hashRow(row: Row, salt: number): number {
  let hash = salt;
  const add = (value: number): void => {
    hash = Math.imul(hash ^ value, 0x9e3779b1);
    hash ^= hash >>> 15;
  };
  add(row.startMs | 0);
  add(row.endMs | 0);
  add(row.srcPort);
  add(row.dstPort);
  add(row.packets);
  add(row.bytes);
  for (const text of [row.srcIp, row.dstIp, row.sensor]) {
    for (let i = 0; i < text.length; i++) add(text.charCodeAt(i));
  }
  return hash >>> 16;
}

/** The rows in random order. */
export function shuffleRows(rows: readonly Row[], random: Random): Row[] {
  return shuffle([...rows], random);
}

/**
 * Every record again as that of a second sensor at the same place, `NAME-copy`. Findings keep their
 * keys, conversations and counters; their records and sensors double.
 */
export function duplicateSensors(rows: readonly Row[]): Row[] {
  return rows.flatMap((row) => [row, { ...row, sensor: `${row.sensor}-copy` }]);
}

/** Every record twice from the same sensor, identical in all columns: counts once, so findings do not change at all. */
export function redeliver(rows: readonly Row[]): Row[] {
  return rows.flatMap((row) => [row, row]);
}
