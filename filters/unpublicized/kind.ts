import type { Reference } from '../../reference/reference.js';
import { neverRemote, SPECIAL_NAMES, type SpecialName } from '../../reference/special-addresses.js';
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

/** Special-purpose space that hosts use among themselves without being told to. */
const LOCAL = codesOf('multicast', 'broadcast', 'link-local', 'loopback');

/** Special-purpose space in which no host can stand. Private space is not: a VPN may lead there. */
const HOSTLESS = codesOf('this-network', 'reserved', 'discard', 'mapped');

/**
 * Kind of the remote, whether or not it answered; undefined = it may well be talked to. `reserved`
 * and `unrouted` are known by the address, `silent` by address and port. Allocates nothing.
 */
export function kindOf(conversation: Conversation, space: UnpublicizedSpace): Kind | undefined {
  const { special } = conversation.remote;
  if (neverRemote(special)) {
    return space.reserved && LOCAL[special] === 0 ? 'reserved' : undefined;
  }
  if (isUnrouted(conversation, space)) return 'unrouted';
  return isSilent(conversation, space) ? 'silent' : undefined;
}

/** Whether the remote can be no host: that it did not answer is then no luck of the sampling. */
export function isHostless({ remote }: Conversation): boolean {
  return HOSTLESS[remote.special] === 1;
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
  if (coverage === undefined) return false;
  const { batch, row, remote, protocol } = conversation;
  // Most of what is talked to: the join has found a service there.
  if (batch.columns.remoteService[row] !== 0) return false;
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

/** 1 = the special-purpose code has one of the names. */
function codesOf(...names: readonly SpecialName[]): Uint8Array {
  return Uint8Array.from(SPECIAL_NAMES, (name) => (names.includes(name) ? 1 : 0));
}
