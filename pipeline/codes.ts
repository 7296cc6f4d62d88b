/** The small codes that columns hold, each with the name that findings and tables print. */

/** IANA protocol numbers the job itself speaks of. */
export const TCP = 6;

/** TCP flag bits (RFC 9293 section 3.1). */
export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;

/** `tcpFlags` of a record whose format has none. */
export const FLAGS_UNKNOWN = 0xffff;

/** Which end of a flow record: 0 = neither is known to be. */
export const NO_SIDE = 0;
export const SOURCE = 1;
export const DESTINATION = 2;

/**
 * How sure a record makes us that a TCP connection was established, weakest first, so that the
 * strongest of several is their maximum.
 */
export const GRADE = { unknown: 0, attempt: 1, answered: 2, medium: 3, strong: 4 } as const;
export const GRADE_NAMES = ['unknown', 'attempt', 'answered', 'medium', 'strong'] as const;

/** Why one side is held to be the client, weakest first: the greatest of several decides. */
export const REASON = {
  unknown: 0,
  lowerPort: 1,
  ephemeralPort: 2,
  privilegedPort: 3,
  knownService: 4,
  inventory: 5,
  handshake: 6,
  initiator: 7,
} as const;

export const REASON_NAMES = [
  'unknown',
  'lower-port',
  'ephemeral-port',
  'privileged-port',
  'known-service',
  'inventory',
  'handshake',
  'initiator',
] as const;

export type Confidence = 'low' | 'medium' | 'high';

/** Confidence that a reason gives; `lower-port` errs 11 % at port 8080 behind a NAT that uses 1024-65535. */
export const REASON_CONFIDENCE: readonly Confidence[] = [
  'low',
  'low',
  'medium',
  'medium',
  'medium',
  'high',
  'high',
  'high',
];

/** The customer's part in a conversation. */
export const ROLE = { unknown: 0, client: 1, server: 2 } as const;
export const ROLE_NAMES = ['unknown', 'client', 'server'] as const;
export type Role = (typeof ROLE_NAMES)[number];

/** Bits of `customerClaim`. */
export const CLAIM_EXCLUSIVE = 1;
export const CLAIM_CONTESTED = 2;
