import { ACK, FIN, FLAGS_UNKNOWN, GRADE, PSH, RST, SYN } from '../../pipeline/codes.js';

/** A direction without flags shows a connection if it carried this much: more than retried SYNs do. */
const FLAGLESS_PACKETS = 4;
const FLAGLESS_BYTES_PER_PACKET = 60;

/**
 * Grades one record's evidence for an established TCP connection.
 *
 * Flags are OR-ed over the packets that happened to be sampled, so a missing SYN says nothing.
 * `evidence` is what the format itself proves (0 = nothing) and comes first. Flags of 0 are those of
 * an exporter that reports none: no TCP packet but a null scan's is without.
 */
export function gradeRecord(
  evidence: number,
  tcpFlags: number,
  packets: number,
  bytes: number,
): number {
  if (evidence !== GRADE.unknown) return evidence;
  if (tcpFlags === FLAGS_UNKNOWN || tcpFlags === 0) {
    return packets >= FLAGLESS_PACKETS && bytes > packets * FLAGLESS_BYTES_PER_PACKET
      ? GRADE.medium
      : GRADE.unknown;
  }
  if ((tcpFlags & ACK) === 0) return GRADE.attempt;
  if ((tcpFlags & PSH) !== 0) return GRADE.strong;
  const flags = tcpFlags & (FIN | SYN | RST);
  if ((flags & FIN) !== 0 && (flags & RST) === 0) return GRADE.strong;
  if (flags === RST) return GRADE.attempt;
  // SYN+ACK shows an open port. With RST besides it is a port that was probed and let go again.
  return (flags & SYN) !== 0 ? GRADE.answered : GRADE.medium;
}
