import { ACK, FIN, GRADE, PSH, RST, SYN } from '../../pipeline/codes.js';
import { counterEnd } from '../../pipeline/conversation-batch.js';
import type { Reference } from '../../reference/reference.js';
import { neverRemote, SPECIAL_NAMES } from '../../reference/special-addresses.js';
import type { Conversation } from '../conversation.js';

/**
 * Why nobody has a reason to talk to an address: a scan looked at it on this port and knows no
 * service there on any; no announced network holds it; it is special-purpose space. In the order in
 * which a finding prefers to be named.
 */
export const KINDS = ['silent', 'unrouted', 'reserved'] as const;
export type Kind = (typeof KINDS)[number];

/** What tells the kinds; undefined = the kind does not count, or no feed tells it. */
export interface UnpublicizedSpace {
  readonly reserved: boolean;
  readonly routed: Reference['routed'];
  readonly coverage: Reference['coverage'];
  readonly inventory: Reference['inventory'];
}

const URG = 0x20;
/** The flags without those of congestion control (RFC 3168), which say nothing of the connection. */
const CONTROL_FLAGS = FIN | SYN | RST | PSH | ACK | URG;

/** Special-purpose space that hosts use among themselves without being told to: 1 = by code. */
const LOCAL = Uint8Array.from(SPECIAL_NAMES, (name) =>
  name === 'multicast' || name === 'broadcast' || name === 'link-local' || name === 'loopback'
    ? 1
    : 0,
);

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

function sentPackets({ batch, row }: Conversation): boolean {
  const end = counterEnd(batch, row);
  for (let i = batch.columns.counterStart[row]; i < end; i++) {
    if (batch.counters.outPackets[i] > 0) return true;
  }
  return false;
}

/** Kind of the remote; undefined = it may well be talked to. Allocates nothing. */
export function kindOf(conversation: Conversation, space: UnpublicizedSpace): Kind | undefined {
  const { special } = conversation.remote;
  if (neverRemote(special)) {
    return space.reserved && LOCAL[special] === 0 ? 'reserved' : undefined;
  }
  if (isUnrouted(conversation, space)) return 'unrouted';
  return isSilent(conversation, space) ? 'silent' : undefined;
}

/** When the latest scan of the remote address and port ended, ms since 1970; -Infinity = never. */
export function lastScanOf(conversation: Conversation, { coverage }: UnpublicizedSpace): number {
  if (coverage === undefined) return -Infinity;
  const { batch, row, remote, protocol } = conversation;
  const words = remote.addressColumn;
  if (batch.family === 4) return coverage.lastScan4(words[row], remote.port, protocol);
  const at = row * 4;
  return coverage.lastScan6(
    words[at],
    words[at + 1],
    words[at + 2],
    words[at + 3],
    remote.port,
    protocol,
  );
}

function isUnrouted({ batch, row, remote }: Conversation, { routed }: UnpublicizedSpace): boolean {
  if (routed === undefined) return false;
  const words = remote.addressColumn;
  if (batch.family === 4) return routed.knows4 && routed.find4(words[row]) === 0;
  if (!routed.knows6) return false;
  const at = row * 4;
  return routed.find6(words[at], words[at + 1], words[at + 2], words[at + 3]) === 0;
}

function isSilent(conversation: Conversation, space: UnpublicizedSpace): boolean {
  const { coverage, inventory } = space;
  if (coverage === undefined || answered(conversation)) return false;
  const { batch, row, remote, protocol } = conversation;
  const words = remote.addressColumn;
  const { port } = remote;
  if (batch.family === 4) {
    const word = words[row];
    return coverage.covers4(word, port, protocol) && !inventory.knows4(word);
  }
  const at = row * 4;
  const w0 = words[at];
  const w1 = words[at + 1];
  const w2 = words[at + 2];
  const w3 = words[at + 3];
  return coverage.covers6(w0, w1, w2, w3, port, protocol) && !inventory.knows6(w0, w1, w2, w3);
}

/** A service that is newer than the scan. */
function answered({ grade, flagsIn }: Conversation): boolean {
  return grade >= GRADE.answered || (flagsIn & (SYN | ACK)) === (SYN | ACK);
}
