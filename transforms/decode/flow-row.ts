import { addressWords, type AddressWords } from '../../pipeline/address.js';
import { FLAGS_UNKNOWN, NO_SIDE } from '../../pipeline/codes.js';

/** One row before it enters the columns: the same object for every record, so nothing is allocated. Units as in FlowColumns. */
export class FlowRow {
  readonly src: AddressWords = addressWords();
  readonly dst: AddressWords = addressWords();
  srcPort = 0;
  dstPort = 0;
  protocol = 0;
  startMs = 0;
  endMs = 0;
  packets = 0;
  bytes = 0;
  tcpFlags: number = FLAGS_UNKNOWN;
  /** 0 = the record does not say; the input's configuration then does. */
  samplingRate = 0;
  /** '' = the record does not say. */
  sensor = '';
  evidence = 0;
  initiator: number = NO_SIDE;

  /** Back to defaults; addresses, ports, protocol and times are always set by the decoder. */
  reset(): void {
    this.packets = 0;
    this.bytes = 0;
    this.tcpFlags = FLAGS_UNKNOWN;
    this.samplingRate = 0;
    this.sensor = '';
    this.evidence = 0;
    this.initiator = NO_SIDE;
  }

  /** Exchanges source and destination, for the second row of a two-way record. */
  reverse(): void {
    const { src, dst } = this;
    const family = src.family;
    src.family = dst.family;
    dst.family = family;
    for (let w = 0; w < 4; w++) {
      const word = src.words[w];
      src.words[w] = dst.words[w];
      dst.words[w] = word;
    }
    const port = this.srcPort;
    this.srcPort = this.dstPort;
    this.dstPort = port;
    if (this.initiator !== NO_SIDE) this.initiator = 3 - this.initiator;
  }
}
