import { ACK, FIN, PSH, RST, SYN, TCP } from '../../pipeline/codes.js';
import type { Random } from './random.js';

/** Packets of one direction that have the same flags and about the same size. */
export interface PacketGroup {
  readonly flags: number;
  readonly count: number;
  /** Mean size with IP header. */
  readonly bytesEach: number;
  /** When in the conversation they are sent. */
  readonly place: 'start' | 'middle' | 'end';
}

/** What truly happened between two endpoints, before any sensor looks at it. */
export interface TrueConversation {
  readonly startMs: number;
  readonly durationMs: number;
  readonly clientIp: string;
  readonly clientPort: number;
  readonly serverIp: string;
  readonly serverPort: number;
  /** IANA number. */
  readonly protocol: number;
  /** Customers at its ends: which sensors see it. */
  readonly customers: readonly string[];
  readonly fromClient: readonly PacketGroup[];
  readonly fromServer: readonly PacketGroup[];
}

/** Packets of both directions, and how long they take. */
export interface Exchange {
  readonly durationMs: number;
  readonly fromClient: readonly PacketGroup[];
  readonly fromServer: readonly PacketGroup[];
}

const NOBODY: readonly PacketGroup[] = [];

const start = (flags: number, count: number, bytesEach = 60): PacketGroup => ({
  flags,
  count,
  bytesEach,
  place: 'start',
});
const middle = (flags: number, count: number, bytesEach: number): PacketGroup => ({
  flags,
  count,
  bytesEach,
  place: 'middle',
});
const end = (flags: number, count = 1): PacketGroup => ({
  flags,
  count,
  bytesEach: 52,
  place: 'end',
});

/**
 * A TCP connection that carries `up` and `down` bytes of payload: SYN, SYN+ACK, ACK, data, then FIN
 * of both sides or, in one of eight, RST of one.
 */
export function established(
  random: Random,
  up: number,
  down: number,
  durationMs: number,
): Exchange {
  const upPackets = dataPackets(up);
  const downPackets = dataPackets(down);
  const aborted = random.int(8);
  return {
    durationMs,
    fromClient: [
      start(SYN, 1),
      ...direction(upPackets, up, 1 + Math.ceil(downPackets / 2)),
      end(aborted === 0 ? RST : FIN | ACK),
    ],
    fromServer: [
      start(SYN | ACK, 1),
      ...direction(downPackets, down, Math.ceil(upPackets / 2)),
      end(aborted === 1 ? RST | ACK : FIN | ACK),
    ],
  };
}

const SEGMENT_BYTES = 1448;

function dataPackets(payload: number): number {
  return Math.max(1, Math.ceil(payload / SEGMENT_BYTES));
}

/** Data is PSH+ACK at the end of each write (here: every fourth segment and the last), else ACK. */
function direction(packets: number, payload: number, acks: number): readonly PacketGroup[] {
  const pushed = Math.ceil(packets / 4);
  const each = 52 + Math.min(SEGMENT_BYTES, payload / packets);
  const groups = [middle(ACK, acks, 52), middle(PSH | ACK, pushed, each)];
  if (packets > pushed) groups.push(middle(ACK, packets - pushed, each));
  return groups;
}

/** A client that gets no answer: SYN and its retransmissions after 1 and 3 seconds. */
export function unanswered(random: Random): Exchange {
  const tries = random.between(1, 3);
  return {
    durationMs: [0, 1000, 3000][tries - 1],
    fromClient: [start(SYN, 1), ...(tries > 1 ? [middle(SYN, tries - 1, 60)] : [])],
    fromServer: NOBODY,
  };
}

/** A closed port: SYN, RST+ACK. */
export function refused(random: Random): Exchange {
  return {
    durationMs: random.between(1, 200),
    fromClient: [start(SYN, 1)],
    fromServer: [end(RST | ACK)],
  };
}

/** A half-open scan of an open port: SYN, SYN+ACK, RST. */
export function halfOpen(random: Random): Exchange {
  return {
    durationMs: random.between(1, 200),
    fromClient: [start(SYN, 1, 44), end(RST)],
    fromServer: [start(SYN | ACK, 1, 44)],
  };
}

/** An answer to a SYN that somebody forged: SYN+ACK out of nothing, sometimes a RST back. */
export function backscatter(random: Random): Exchange {
  return {
    durationMs: random.between(1, 100),
    fromClient: random.chance(0.5) ? [end(RST)] : NOBODY,
    fromServer: [start(SYN | ACK, 1, 44)],
  };
}

/** A server's answers to SYNs that somebody forged in the remote's name; the SYNs came another way. */
export function synAckAlone(): Exchange {
  return { durationMs: 0, fromClient: NOBODY, fromServer: [start(SYN | ACK, 1, 44)] };
}

/** A client's answer to the answer to a SYN that somebody forged in its name. */
export function resetAlone(): Exchange {
  return { durationMs: 0, fromClient: [start(RST, 1, 40)], fromServer: NOBODY };
}

/** Keystrokes and what comes back: a few small packets a minute, spread evenly. */
export function interactive(random: Random, durationMs: number): Exchange {
  const lines = Math.ceil((durationMs / 60_000) * random.between(3, 5));
  return {
    durationMs,
    fromClient: [start(SYN, 1), middle(PSH | ACK, lines, 56), end(FIN | ACK)],
    fromServer: [start(SYN | ACK, 1), middle(PSH | ACK, lines, 84), end(FIN | ACK)],
  };
}

/** Datagrams both ways: UDP, and ICMP with ports of 0. */
export function datagrams(
  up: number,
  upBytes: number,
  down: number,
  downBytes: number,
  durationMs: number,
): Exchange {
  return {
    durationMs,
    fromClient: [start(0, 1, upBytes), ...(up > 1 ? [middle(0, up - 1, upBytes)] : [])],
    fromServer: down > 0 ? [middle(0, down, downBytes)] : NOBODY,
  };
}

/** A service of ordinary traffic. */
export interface Service {
  readonly port: number;
  readonly protocol: number;
  /** Share of conversations, in parts of the sum. */
  readonly weight: number;
  /** Lasts for minutes or hours. */
  readonly lasting: boolean;
  exchange(random: Random): Exchange;
}

const UDP = 17;
const ICMP = 1;
const LASTING_SECONDS = 60;

function tcpService(
  port: number,
  weight: number,
  upMedian: number,
  downMedian: number,
  secondsMedian: number,
): Service {
  return {
    port,
    protocol: TCP,
    weight,
    lasting: secondsMedian >= LASTING_SECONDS,
    exchange: (random) =>
      established(
        random,
        Math.ceil(random.logNormal(upMedian, 1.2)),
        Math.ceil(random.logNormal(downMedian, 1.8)),
        Math.ceil(Math.min(7200, random.logNormal(secondsMedian, 1.4)) * 1000),
      ),
  };
}

function udpService(
  port: number,
  weight: number,
  packetsMedian: number,
  bytes: number,
  secondsMedian: number,
): Service {
  return {
    port,
    protocol: UDP,
    weight,
    lasting: secondsMedian >= LASTING_SECONDS,
    exchange: (random) =>
      datagrams(
        Math.ceil(random.logNormal(packetsMedian, 0.8)),
        bytes,
        Math.ceil(random.logNormal(packetsMedian * 1.5, 0.8)),
        bytes * 2,
        packetsMedian < 2
          ? random.between(1, 80)
          : Math.ceil(random.logNormal(secondsMedian, 1) * 1000),
      ),
  };
}

/**
 * Shares after what campus and provider measurements agree on: most conversations are web, most of
 * the rest names and time; sizes are log-normal (median of kilobytes, tail of gigabytes).
 */
const SERVICES: readonly Service[] = [
  tcpService(443, 50, 1_800, 9_000, 4),
  tcpService(80, 8, 700, 5_000, 2),
  tcpService(22, 1.5, 4_000, 6_000, 60),
  tcpService(25, 2, 12_000, 900, 3),
  tcpService(993, 2.5, 2_000, 12_000, 90),
  tcpService(8080, 1.5, 900, 6_000, 3),
  tcpService(5223, 0.8, 600, 900, 600),
  udpService(53, 16, 1, 75, 0.05),
  udpService(123, 3, 1, 76, 0.05),
  udpService(443, 12, 20, 600, 5),
  udpService(3478, 1.5, 200, 180, 120),
  {
    port: 0,
    protocol: ICMP,
    weight: 1,
    lasting: false,
    exchange: (random) => datagrams(random.between(1, 5), 84, random.between(0, 5), 84, 4000),
  },
];

/** One of `SERVICES` by weight. */
export function pickService(random: Random): Service {
  let at = random.float() * TOTAL_WEIGHT;
  for (const service of SERVICES) {
    at -= service.weight;
    if (at < 0) return service;
  }
  return SERVICES[0];
}

const TOTAL_WEIGHT = SERVICES.reduce((sum, { weight }) => sum + weight, 0);

/** How busy the hour is, 1 on average over a day: quiet at 2, busy at 14 UTC. */
export function diurnalWeight(ms: number): number {
  const hour = (ms / 3_600_000) % 24;
  return 1 + 0.6 * Math.cos(((hour - 14) / 12) * Math.PI);
}
