import { counterEnd, type ConversationBatch } from '../../pipeline/conversation-batch.js';
import type { Conversation } from '../conversation.js';

/** What one sensor saw of one direction of a conversation, or a sum of such. */
export interface Volume {
  /** Scaled by the sampling rate: what the sampled bytes stand for. */
  readonly bytes: number;
  /** As exported: how many packets the estimate rests on. */
  readonly packets: number;
}

/** Bytes of one direction of a row, scaled, by the one sensor that saw most of it; never a sum over sensors. */
export function volumeOf({ batch, row }: Conversation, direction: 'out' | 'in'): Volume {
  const { counters } = batch;
  const packets = direction === 'out' ? counters.outPackets : counters.inPackets;
  const bytes = direction === 'out' ? counters.outBytes : counters.inBytes;
  let most: Volume = { bytes: 0, packets: 0 };
  let mostPackets = -1;
  const end = counterEnd(batch, row);
  for (let i = batch.columns.counterStart[row]; i < end; i++) {
    const rate = rateOf(batch, i);
    const seen = { bytes: count(bytes[i] * rate), packets: count(packets[i]) };
    const scaledPackets = packets[i] * rate;
    // Of two that saw as much the greater bytes: the order of sensors must not matter.
    const more =
      scaledPackets > mostPackets ||
      (scaledPackets === mostPackets &&
        (seen.bytes > most.bytes || (seen.bytes === most.bytes && seen.packets > most.packets)));
    if (more) {
      most = seen;
      mostPackets = scaledPackets;
    }
  }
  return most;
}

/**
 * The sum of two counts, at most `Number.MAX_SAFE_INTEGER` (9 PB): below that sums of integers are
 * exact, so that they come to the same in any order, whatever a record claims.
 */
export function addCounts(a: number, b: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, a + b);
}

/** 1 in N; an unknown rate counts as 1, which can only say too little. */
function rateOf({ counters }: ConversationBatch, counter: number): number {
  return Math.max(1, counters.samplingRate[counter]);
}

function count(value: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, Math.round(value));
}
