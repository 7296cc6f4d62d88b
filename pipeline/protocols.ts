/** Names of the IP protocols that findings speak of (IANA protocol numbers). */
const NAMES = new Map<number, string>([
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [58, 'ipv6-icmp'],
  [132, 'sctp'],
]);

/** Name of a protocol, or its number as text. */
export function protocolName(protocol: number): string {
  return NAMES.get(protocol) ?? String(protocol);
}
