import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { endianness } from 'node:os';
import { addressOf } from '../../../../pipeline/address.js';

/** Where a UDP socket is bound. */
export interface BoundAddress {
  readonly address: string;
  readonly port: number;
}

/**
 * Datagrams that the kernel dropped because the receive buffer of the socket bound there was full,
 * since it was bound; undefined where it does not say (other systems than Linux).
 */
export async function kernelDrops(bound: BoundAddress): Promise<number | undefined> {
  if (process.platform !== 'linux') return undefined;
  const table = isIPv6(bound.address) ? '/proc/net/udp6' : '/proc/net/udp';
  const text = await readFile(table, 'utf8').catch(() => '');
  return dropsIn(text, bound);
}

/** As `kernelDrops`, of the text of such a table (proc(5), /proc/net/udp: the last column). */
export function dropsIn(text: string, bound: BoundAddress): number | undefined {
  const local = tableAddress(bound);
  for (const line of text.split('\n').slice(1)) {
    const columns = line.trim().split(/\s+/);
    if (columns[1] !== local || columns.length < 13) continue;
    const drops = Number(columns[12]);
    if (Number.isInteger(drops)) return drops;
  }
  return undefined;
}

/** Words of the address as this machine has them in memory, and the port, hexadecimal. */
function tableAddress({ address, port }: BoundAddress): string {
  const words = wordsOf(address).map((word) => {
    const bytes = Buffer.alloc(4);
    if (endianness() === 'LE') bytes.writeUInt32LE(word);
    else bytes.writeUInt32BE(word);
    return bytes.toString('hex');
  });
  return `${words.join('')}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
}

function wordsOf(address: string): readonly number[] {
  const parsed = addressOf(address);
  if (parsed === undefined) return [];
  if (parsed.family === 4 && isIPv6(address)) return [0, 0, 0xffff, parsed.words[0]];
  return parsed.family === 4 ? [parsed.words[0]] : [...parsed.words];
}
