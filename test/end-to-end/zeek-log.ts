import { ACK, FIN, RST, SYN } from '../../pipeline/codes.js';
import { readPackets, type Packet } from './pcap-packets.js';

/** A side of a connection as Zeek counts it. */
interface Side {
  packets: number;
  ipBytes: number;
  payload: number;
}

interface Connection {
  readonly orig: string;
  readonly resp: string;
  readonly startMs: number;
  lastMs: number;
  /** Letters in the order in which they first came; upper case is the originator's. */
  history: string;
  readonly sides: Readonly<Record<'orig' | 'resp', Side>>;
}

/**
 * The conn.log that Zeek writes of a capture: its TCP records with conn_state and history by its
 * rules, without the letters of retransmissions and windows. Of ssh.pcap, conn_state, history, packets
 * and bytes of all 23 connections are those of the log that Zeek's own tests expect (compared by hand).
 */
export function zeekLog(pcap: string): string {
  const lines = connectionsOf(pcap).map((connection) => {
    const { orig, resp, startMs, lastMs, history, sides } = connection;
    const seconds = (ms: number): string => (ms / 1000).toFixed(6);
    return [
      seconds(startMs),
      ...orig.split(':'),
      ...resp.split(':'),
      'tcp',
      seconds(lastMs - startMs),
      sides.orig.payload,
      sides.resp.payload,
      stateOf(history),
      history,
      sides.orig.packets,
      sides.orig.ipBytes,
      sides.resp.packets,
      sides.resp.ipBytes,
    ].join('\t');
  });
  return `${HEADER}${lines.join('\n')}\n`;
}

const HEADER = `#separator \\x09
#set_separator\t,
#empty_field\t(empty)
#unset_field\t-
#path\tconn
#fields\tts\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\torig_bytes\tresp_bytes\tconn_state\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes
#types\ttime\taddr\tport\taddr\tport\tenum\tinterval\tcount\tcount\tstring\tstring\tcount\tcount\tcount\tcount
`;

function connectionsOf(pcap: string): Connection[] {
  const all: Connection[] = [];
  const open = new Map<string, Connection>();
  for (const packet of readPackets(pcap)) {
    const key = [packet.from, packet.to].sort().join();
    let connection = open.get(key);
    const begins = (packet.flags & (SYN | ACK)) === SYN;
    if (connection === undefined || (begins && /[FR]/i.test(connection.history))) {
      // A SYN+ACK without its SYN: Zeek takes its receiver for the originator and says so by ^.
      const flipped = (packet.flags & (SYN | ACK)) === (SYN | ACK);
      connection = {
        orig: flipped ? packet.to : packet.from,
        resp: flipped ? packet.from : packet.to,
        startMs: packet.timeMs,
        lastMs: packet.timeMs,
        history: flipped ? '^' : '',
        sides: {
          orig: { packets: 0, ipBytes: 0, payload: 0 },
          resp: { packets: 0, ipBytes: 0, payload: 0 },
        },
      };
      all.push(connection);
      open.set(key, connection);
    }
    add(connection, packet);
  }
  return all;
}

function add(connection: Connection, packet: Packet): void {
  const isOrig = packet.from === connection.orig;
  const side = connection.sides[isOrig ? 'orig' : 'resp'];
  side.packets++;
  side.ipBytes += packet.length;
  side.payload += packet.payload;
  connection.lastMs = packet.timeMs;
  for (const letter of lettersOf(packet)) {
    const shown = isOrig ? letter.toUpperCase() : letter;
    if (!connection.history.includes(shown)) connection.history += shown;
  }
}

function lettersOf({ flags, payload }: Packet): string {
  if ((flags & SYN) !== 0) return (flags & ACK) !== 0 ? 'h' : 's';
  const letters = [];
  if (payload > 0) letters.push('d');
  if ((flags & FIN) !== 0) letters.push('f');
  if ((flags & RST) !== 0) letters.push('r');
  if (letters.length === 0 && (flags & ACK) !== 0) letters.push('a');
  return letters.join('');
}

/** conn_state by the order of the letters. */
function stateOf(history: string): string {
  const has = (letter: string): boolean => history.includes(letter);
  if (has('F') && has('f')) return 'SF';
  if (has('S') && has('h')) {
    if (has('R')) return 'RSTO';
    if (has('r')) return 'RSTR';
    if (has('F')) return 'S2';
    return has('f') ? 'S3' : 'S1';
  }
  if (has('S')) {
    if (has('r')) return 'REJ';
    if (has('R')) return 'RSTOS0';
    return has('F') ? 'SH' : 'S0';
  }
  if (has('h')) return has('r') ? 'RSTRH' : has('R') ? 'RSTO' : has('f') ? 'SHR' : 'OTH';
  return 'OTH';
}
