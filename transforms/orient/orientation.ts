import {
  ACK,
  DESTINATION,
  FLAGS_UNKNOWN,
  NO_SIDE,
  REASON,
  SOURCE,
  SYN,
} from '../../pipeline/codes.js';
import { isKnownService } from './known-services.js';

/** Ports from which systems number their clients: Linux from 32768, IANA and Windows from 49152. */
const EPHEMERAL_FROM = [32768, 49152] as const;

/** Which end is the client, and why: `side << 8 | reason`, so that a column pass allocates nothing. */
export type Orientation = number;

export function orientation(side: number, reason: number): Orientation {
  return (side << 8) | reason;
}

/** SOURCE, DESTINATION or NO_SIDE. */
export function clientSide(of: Orientation): number {
  return of >>> 8;
}

/** REASON code. */
export function orientationReason(of: Orientation): number {
  return of & 0xff;
}

/**
 * Orients one record by what it shows; the first rule that decides wins.
 *
 * SYN+ACK shows the server only in a record of one packet: OR-ed over a whole direction both sides
 * show SYN and ACK.
 */
export function orientRecord(
  initiator: number,
  tcpFlags: number,
  packets: number,
  srcPort: number,
  dstPort: number,
): Orientation {
  if (initiator !== NO_SIDE) return orientation(initiator, REASON.initiator);
  if (tcpFlags !== FLAGS_UNKNOWN && (tcpFlags & SYN) !== 0) {
    if ((tcpFlags & ACK) === 0) return orientation(SOURCE, REASON.handshake);
    if (packets === 1) return orientation(DESTINATION, REASON.handshake);
  }
  return orientPorts(srcPort, dstPort);
}

/** Orients by port numbers alone. */
export function orientPorts(srcPort: number, dstPort: number): Orientation {
  const srcKnown = isKnownService(srcPort);
  if (srcKnown !== isKnownService(dstPort)) {
    return orientation(srcKnown ? DESTINATION : SOURCE, REASON.knownService);
  }
  const low = Math.min(srcPort, dstPort);
  const high = Math.max(srcPort, dstPort);
  const client = srcPort > dstPort ? SOURCE : DESTINATION;
  if (low < 1024 && high >= 1024) return orientation(client, REASON.privilegedPort);
  for (const boundary of EPHEMERAL_FROM) {
    if (low < boundary && high >= boundary) return orientation(client, REASON.ephemeralPort);
  }
  if (low !== high) return orientation(client, REASON.lowerPort);
  return orientation(NO_SIDE, REASON.unknown);
}
