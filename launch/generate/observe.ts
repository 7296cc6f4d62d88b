import { TCP } from '../../pipeline/codes.js';
import type { Random } from './random.js';
import type { Row } from './row.js';
import type { Sensor } from './topology.js';
import type { PacketGroup, TrueConversation } from './traffic.js';

/** Without a packet for this time a flow is over and exported. */
const IDLE_TIMEOUT_MS = 15_000;

/**
 * Appends what one sensor exports of a conversation: a record a direction and active time-out, of
 * the packets that it happened to sample (each with probability 1/samplingRate, on its own), so that
 * either direction, or all, may be missing. Flags are OR-ed over the sampled packets.
 *
 * A silence inside a conversation does not end the record; real sensors would cut there too.
 */
export function observe(
  conversation: TrueConversation,
  sensor: Sensor,
  random: Random,
  rows: Row[],
): void {
  const { customers } = sensor;
  if (customers !== undefined && !conversation.customers.some((id) => customers.includes(id)))
    return;
  observeDirection(conversation, conversation.fromClient, true, sensor, random, rows);
  observeDirection(conversation, conversation.fromServer, false, sensor, random, rows);
}

function observeDirection(
  conversation: TrueConversation,
  groups: readonly PacketGroup[],
  fromClient: boolean,
  sensor: Sensor,
  random: Random,
  rows: Row[],
): void {
  if (groups.length === 0) return;
  const { samplingRate, activeTimeoutMs, clockOffsetMs } = sensor;
  const { startMs, durationMs } = conversation;
  const p = 1 / samplingRate;
  const left = groups.map(({ count }) => random.binomial(count, p));
  let unsent = left.reduce((sum, count) => sum + count, 0);
  const segments = Math.max(1, Math.ceil(durationMs / activeTimeoutMs));
  for (let segment = 0; segment < segments && unsent > 0; segment++) {
    const fromMs = segment * activeTimeoutMs;
    const toMs = Math.min(durationMs, fromMs + activeTimeoutMs);
    // What is left lies evenly in what is left of the time.
    const share = durationMs > fromMs ? (toMs - fromMs) / (durationMs - fromMs) : 1;
    let packets = 0;
    let bytes = 0;
    let flags = 0;
    let middles = 0;
    let first = toMs;
    let last = fromMs;
    for (let g = 0; g < groups.length; g++) {
      const group = groups[g];
      const taken = takes(group, segment, segments)
        ? left[g]
        : random.binomial(left[g], group.place === 'middle' ? share : 0);
      if (taken === 0) continue;
      left[g] -= taken;
      unsent -= taken;
      packets += taken;
      bytes += taken * group.bytesEach;
      flags |= group.flags;
      if (group.place === 'start') first = last = fromMs;
      else if (group.place === 'end') last = toMs;
      else middles += taken;
    }
    if (packets === 0) continue;
    if (middles > 0) {
      // The least and greatest of so many even random times.
      const span = toMs - fromMs;
      first = Math.min(first, fromMs + span * (1 - (1 - random.float()) ** (1 / middles)));
      last = Math.max(last, first, fromMs + span * (1 - random.float()) ** (1 / middles));
    }
    const startAt = Math.round(startMs + clockOffsetMs + first);
    const endAt = Math.max(startAt, Math.round(startMs + clockOffsetMs + last));
    const finished = conversation.protocol === TCP && segment === segments - 1 && durationMs > 0;
    const waitMs = segment < segments - 1 || finished ? 0 : IDLE_TIMEOUT_MS;
    // Most exporters send within seconds; one record in fifty is minutes late.
    const delayMs = random.chance(0.02) ? random.int(240_000) : random.exponential(2_000);
    rows.push({
      startMs: startAt,
      endMs: endAt,
      srcIp: fromClient ? conversation.clientIp : conversation.serverIp,
      dstIp: fromClient ? conversation.serverIp : conversation.clientIp,
      srcPort: fromClient ? conversation.clientPort : conversation.serverPort,
      dstPort: fromClient ? conversation.serverPort : conversation.clientPort,
      protocol: conversation.protocol,
      packets,
      bytes: Math.round(bytes),
      tcpFlags: flags,
      samplingRate,
      sensor: sensor.id,
      exportedMs: Math.round(endAt + waitMs + delayMs),
    });
  }
}

/** Whether all that is left of a group belongs to this segment. */
function takes(group: PacketGroup, segment: number, segments: number): boolean {
  if (segment === segments - 1) return true;
  return group.place === 'start' && segment === 0;
}
