import {
  ACK,
  DESTINATION,
  FIN,
  FLAGS_UNKNOWN,
  GRADE,
  NO_SIDE,
  PSH,
  RST,
  SYN,
  TCP,
} from '../../pipeline/codes.js';
import type { Random } from '../generate/random.js';

/** One direction of a flow as it was recorded; units as in FlowColumns. */
export interface RecordedFlow {
  readonly srcPort: number;
  readonly dstPort: number;
  readonly protocol: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly packets: number;
  readonly bytes: number;
  readonly tcpFlags: number;
  /** Grade that the format proves; 0 = none. */
  readonly evidence: number;
  readonly initiator: number;
}

/** What a sensor that samples packets would have recorded of it. */
export interface SampledFlow {
  readonly startMs: number;
  readonly endMs: number;
  /** At least 1. */
  readonly packets: number;
  readonly bytes: number;
  readonly tcpFlags: number;
}

/** Packets of a flow that have the same flags, and when they come. */
interface PacketGroup {
  readonly count: number;
  readonly tcpFlags: number;
  readonly place: 'start' | 'middle' | 'end';
}

/** A quarter of the data packets ends what the application wrote in one go. */
const PUSHED_SHARE = 1 / 4;

/**
 * The record of a flow by a sensor that takes each packet with probability 1/`rate`, on its own;
 * undefined where it takes none.
 *
 * A record says only which flags some packet had, so which packet had them is a model: SYN in the
 * first packet (with ACK if the server sent it), FIN in the last and RST in one, PSH in a quarter of
 * the packets between, ACK in all but a client's first. Without ACK all packets are alike: a SYN that
 * is repeated. All packets are as long as their mean, and lie evenly in time. Which side is the
 * server says the record or, if it does not, the lower port.
 */
export function samplePackets(
  flow: RecordedFlow,
  rate: number,
  random: Random,
): SampledFlow | undefined {
  let packets = 0;
  let tcpFlags = 0;
  let middles = 0;
  let first = flow.endMs;
  let last = flow.startMs;
  for (const { count, tcpFlags: flags, place } of packetGroups(flow)) {
    const taken = random.binomial(count, 1 / rate);
    if (taken === 0) continue;
    packets += taken;
    tcpFlags |= flags;
    if (place === 'start') first = last = flow.startMs;
    else if (place === 'end') last = flow.endMs;
    else middles += taken;
  }
  if (packets === 0) return undefined;
  if (middles > 0) {
    // The least and greatest of so many even random times.
    const spanMs = flow.endMs - flow.startMs;
    const early = spanMs * (1 - (1 - random.float()) ** (1 / middles));
    first = Math.min(first, flow.startMs + early);
    last = Math.max(last, first, flow.startMs + spanMs * (1 - random.float()) ** (1 / middles));
  }
  const startMs = Math.round(Math.min(first, last));
  const bytes = Math.round((flow.bytes * packets) / Math.max(flow.packets, 1));
  return { startMs, endMs: Math.max(startMs, Math.round(last)), packets, bytes, tcpFlags };
}

function packetGroups(flow: RecordedFlow): readonly PacketGroup[] {
  // A record that counts none was still caused by one.
  const count = Math.max(flow.packets, 1);
  const flags = flow.protocol === TCP ? flagsOf(flow) : flow.tcpFlags;
  const alike: readonly PacketGroup[] = [{ count, tcpFlags: flags, place: 'middle' }];
  if (flow.protocol !== TCP || flags === FLAGS_UNKNOWN || (flags & ACK) === 0) return alike;

  const opening = (flags & SYN) === 0 ? 0 : 1;
  const ends = [flags & FIN, flags & RST].filter((end) => end !== 0);
  if (opening + ends.length > count) ends.splice(0, 2, flags & (FIN | RST));
  if (opening + ends.length > count || count === 1) return alike;
  const between = count - opening - ends.length;
  const pushed = (flags & PSH) === 0 ? 0 : Math.ceil(between * PUSHED_SHARE);
  // Where nothing lies between, an end carries the data.
  const pushedEnd = between === 0 ? flags & PSH : 0;
  return [
    { count: opening, tcpFlags: SYN | (sentByServer(flow) ? ACK : 0), place: 'start' },
    { count: pushed, tcpFlags: ACK | PSH, place: 'middle' },
    { count: between - pushed, tcpFlags: ACK, place: 'middle' },
    ...ends.map((end): PacketGroup => ({
      count: 1,
      tcpFlags: ACK | end | pushedEnd,
      place: 'end',
    })),
  ];
}

function sentByServer({ initiator, srcPort, dstPort }: RecordedFlow): boolean {
  return initiator === NO_SIDE ? srcPort < dstPort : initiator === DESTINATION;
}

/** Flags of the record, or those that its evidence lets expect: Zeek has none. */
function flagsOf(flow: RecordedFlow): number {
  const { tcpFlags, evidence, initiator, packets } = flow;
  if (tcpFlags !== FLAGS_UNKNOWN) return tcpFlags;
  const server = sentByServer(flow);
  // One packet is no handshake and more besides; a SYN+ACK in it would name the wrong side.
  const began = initiator !== NO_SIDE && packets > 1 ? SYN : 0;
  switch (evidence) {
    case GRADE.strong:
      return began | ACK | PSH;
    case GRADE.medium:
      return began | ACK;
    case GRADE.answered:
      return server ? SYN | ACK : SYN;
    case GRADE.attempt:
      return server ? RST | ACK : SYN;
    default:
      return FLAGS_UNKNOWN;
  }
}
