import { isIP, isIPv4, isIPv6 } from 'node:net';
import { quoted } from '../terminal-text.js';

/** Where a server listens. */
export interface ListenAddress {
  /** A name or an address; IPv6 without brackets. */
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
}

/**
 * Reads `HOST:PORT`; an IPv6 address is in brackets (RFC 3986 section 3.2.2): `[::1]:9464`. The host
 * is required: a server that shows what goes on in a network opens on all interfaces only where
 * somebody wrote so. Throws a RangeError that says what is wrong.
 */
export function parseListenAddress(text: string): ListenAddress {
  const colon = text.lastIndexOf(':');
  if (colon < 1) throw new RangeError(`expected HOST:PORT, got ${quoted(text)}`);
  return { host: parseHost(text.slice(0, colon)), port: parsePort(text.slice(colon + 1)) };
}

/** The address as it is written; `parseListenAddress` reads it back. */
export function formatListenAddress({ host, port }: ListenAddress): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** RFC 1123 section 2.1, and `_`, which names of containers have. */
const HOST_NAME =
  /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/i;
const MAX_HOST = 253;

function parseHost(text: string): string {
  if (text.startsWith('[') && text.endsWith(']')) {
    const host = text.slice(1, -1);
    if (isIPv6(host)) return host;
    throw new RangeError(`expected an IPv6 address in the brackets, got ${quoted(host)}`);
  }
  if (isIPv6(text) || text.includes(':')) {
    throw new RangeError(`expected an IPv6 address in brackets ([::1]:9464), got ${quoted(text)}`);
  }
  // What looks like an IPv4 address and is none would be asked of the name server.
  const looksNumeric = /^[0-9.]+$/.test(text);
  if (looksNumeric ? isIPv4(text) : isIP(text) === 0 && isHostName(text)) return text;
  throw new RangeError(`expected a host name or an address, got ${quoted(text)}`);
}

function isHostName(text: string): boolean {
  return text.length <= MAX_HOST && HOST_NAME.test(text);
}

function parsePort(text: string): number {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : NaN;
  if (port <= 65535) return port;
  throw new RangeError(`expected a port from 0 to 65535, got ${quoted(text)}`);
}
