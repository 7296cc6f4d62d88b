import { ACK, FIN, GRADE, PSH, RST, SYN } from '../../pipeline/codes.js';
import { counterEnd } from '../../pipeline/conversation-batch.js';
import type { Conversation } from '../conversation.js';

const URG = 0x20;
/** The flags without those of congestion control (RFC 3168), which say nothing of the connection. */
const CONTROL_FLAGS = FIN | SYN | RST | PSH | ACK | URG;

/** The most that a packet has which refuses: IPv6 and TCP headers without options. */
const REFUSAL_BYTES = 60;
/** More than a probe is repeated. */
const MAX_ACK_PROBES = 3;

/**
 * Whether what the customer sent is a probe: a SYN, FIN, null or Xmas packet, never followed by an
 * ACK. SYN+ACK, RST+ACK and RST alone are what a host sends that is itself probed (backscatter). An
 * ACK alone is a probe too where nothing went before, but sampling makes every conversation look so.
 */
export function isProbe(conversation: Conversation): boolean {
  const { flagsOut } = conversation;
  if (flagsOut !== 0) {
    return (flagsOut & ACK) === 0 && (flagsOut & CONTROL_FLAGS) !== RST;
  }
  // The format has no flags, or only the remote was seen: its RSTs may answer to a forged address.
  return conversation.grade === GRADE.attempt && sentPackets(conversation);
}

/**
 * Whether the remote answered: it sent a SYN+ACK or data, or the customer went on as one does who
 * was answered (grade `answered` or better; of the remote nothing need have been sampled). A refusal
 * (RST) is no answer.
 */
export function isAnswered(conversation: Conversation): boolean {
  const { grade, flagsIn } = conversation;
  if ((flagsIn & (SYN | ACK)) === (SYN | ACK)) return true;
  if (grade >= GRADE.answered) return !isAckProbe(conversation);
  return flagsIn === 0 && sentMoreThanRefusals(conversation);
}

/**
 * A few ACKs to which nothing but a refusal came back, of sensors that see every packet. Grades take
 * an ACK for half of a connection; but host discovery sends it besides its SYN to another port (Nmap
 * does without being asked), and would acquit itself.
 */
function isAckProbe({ batch, row, flagsOut, flagsIn }: Conversation): boolean {
  if ((flagsOut & ACK) === 0 || (flagsOut & (SYN | PSH)) !== 0) return false;
  const back = flagsIn & CONTROL_FLAGS;
  if (back !== 0 && (back & ~ACK) !== RST) return false;
  const { samplingRate, outPackets, inPackets } = batch.counters;
  const end = counterEnd(batch, row);
  for (let i = batch.columns.counterStart[row]; i < end; i++) {
    if (samplingRate[i] !== 1 || outPackets[i] > MAX_ACK_PROBES) return false;
    if (inPackets[i] > (back === 0 ? 0 : MAX_ACK_PROBES)) return false;
  }
  return true;
}

function sentPackets({ batch, row }: Conversation): boolean {
  const { outPackets } = batch.counters;
  const end = counterEnd(batch, row);
  for (let i = batch.columns.counterStart[row]; i < end; i++) {
    if (outPackets[i] > 0) return true;
  }
  return false;
}

/** Of formats without flags: bytes that only a SYN+ACK or data can have. */
function sentMoreThanRefusals({ batch, row }: Conversation): boolean {
  const { inPackets, inBytes } = batch.counters;
  const end = counterEnd(batch, row);
  for (let i = batch.columns.counterStart[row]; i < end; i++) {
    if (inBytes[i] > inPackets[i] * REFUSAL_BYTES) return true;
  }
  return false;
}
