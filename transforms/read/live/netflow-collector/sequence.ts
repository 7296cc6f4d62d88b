/** A jump of more is an exporter that began again, not a loss. */
const LARGEST_LOSS = 1_000_000;
/** A datagram that is so far behind was overtaken on its way. */
const LARGEST_OVERTAKEN = 1_000;
/** Streams whose place is remembered; a hostile exporter has one a datagram. */
const MAX_STREAMS = 256;

/**
 * What an exporter's sequence numbers say was lost. They count per stream (source id, domain, engine
 * or sub-agent): flows in NetFlow v5, packets in v9, data records in IPFIX, datagrams in sFlow.
 */
export class SequenceGaps {
  readonly #last = new Map<string, Place>();

  /**
   * A datagram of `stream` begins at `sequence` and counts `count`, -1 where that cannot be told;
   * `options` of them tell of the exporter and not of flows. Returns how many are missing before it.
   */
  take(stream: string, sequence: number, count: number, options = 0): number {
    const last = this.#last.get(stream);
    if (last === undefined) {
      if (this.#last.size >= MAX_STREAMS) this.#last.clear();
      this.#last.set(stream, { sequence, count, options });
      return 0;
    }
    const step = (sequence - last.sequence) | 0;
    const known = last.count >= 0;
    // RFC 7011 section 3.1 counts the records before the message, those of options among them;
    // softflowd counts those of the message itself, and no options.
    const fits = isCount(step, last.count, last.options) || isCount(step, count, options);
    const ahead = !known || fits ? 0 : step - last.count;
    if (ahead < 0 && ahead >= -LARGEST_OVERTAKEN) return 0;
    last.sequence = sequence;
    last.count = count;
    last.options = options;
    return ahead > 0 && ahead <= LARGEST_LOSS ? ahead : 0;
  }
}

interface Place {
  sequence: number;
  count: number;
  options: number;
}

function isCount(step: number, count: number, options: number): boolean {
  return step <= count && step >= count - options;
}
