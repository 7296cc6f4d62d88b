import type { AddressWords } from '../../../pipeline/address.js';
import { FIELD, FIELDS, REVERSE } from './field.js';
import { VARIABLE_LENGTH, type Template } from './template.js';

/** Seconds from 1900, where NTP begins, to 1970. */
const NTP_TO_UNIX = 2_208_988_800;

/**
 * The fields of one record by FIELD: the same object for every record. What the template does not
 * have is left over from others. Times are ms since 1970 UTC, but for those in uptime.
 */
export class RecordValues {
  readonly numbers = new Float64Array(FIELDS);
  readonly source4 = new Uint32Array(1);
  readonly destination4 = new Uint32Array(1);
  readonly source6 = new Uint32Array(4);
  readonly destination6 = new Uint32Array(4);

  /** Reads the record at `at`; returns its end, or -1 if that is beyond `end`. */
  read(view: DataView, at: number, end: number, { fields, lengths }: Template): number {
    for (let i = 0; i < fields.length; i++) {
      let length = lengths[i];
      const field = fields[i];
      if (length === VARIABLE_LENGTH) {
        if (at >= end) return -1;
        length = view.getUint8(at++);
        if (length === 255) {
          if (end - at < 2) return -1;
          length = view.getUint16(at);
          at += 2;
        }
      }
      if (length > end - at) return -1;
      if (PLAIN[field] === 1) this.numbers[field] = unsigned(view, at, length);
      else if (field !== FIELD.ignored) this.#readField(view, at, length, field);
      at += length;
    }
    return at;
  }

  #readField(view: DataView, at: number, length: number, field: number): void {
    switch (field) {
      case FIELD.sourceAddress4:
        this.source4[0] = view.getUint32(at);
        break;
      case FIELD.destinationAddress4:
        this.destination4[0] = view.getUint32(at);
        break;
      case FIELD.sourceAddress6:
        readAddress6(view, at, this.source6);
        break;
      case FIELD.destinationAddress6:
        readAddress6(view, at, this.destination6);
        break;
      case FIELD.samplingProbability:
        this.numbers[field] = length === 8 ? view.getFloat64(at) : view.getFloat32(at);
        break;
      case FIELD.startNtp:
      case FIELD.endNtp:
      case FIELD.observedNtp:
      case FIELD.startNtp + REVERSE:
      case FIELD.endNtp + REVERSE:
        this.numbers[field] = ntpMs(view.getUint32(at), view.getUint32(at + 4));
        break;
      case FIELD.startSeconds:
      case FIELD.endSeconds:
      case FIELD.observedSeconds:
      case FIELD.startSeconds + REVERSE:
      case FIELD.endSeconds + REVERSE:
        this.numbers[field] = unsigned(view, at, length) * 1000;
        break;
      default:
    }
  }
}

/** By FIELD: 1 where the number is taken as it is; most are, so they are not asked for one by one. */
const PLAIN = plainFields([
  FIELD.ignored,
  FIELD.sourceAddress4,
  FIELD.destinationAddress4,
  FIELD.sourceAddress6,
  FIELD.destinationAddress6,
  FIELD.samplingProbability,
  FIELD.startNtp,
  FIELD.endNtp,
  FIELD.observedNtp,
  FIELD.startSeconds,
  FIELD.endSeconds,
  FIELD.observedSeconds,
]);

function plainFields(others: readonly number[]): Uint8Array {
  const plain = new Uint8Array(FIELDS).fill(1);
  for (const field of others) {
    plain[field] = 0;
    plain[field + REVERSE] = 0;
  }
  return plain;
}

/** Sets `into` to four words at `at`. */
export function readAddress6(view: DataView, at: number, into: Uint32Array): void {
  into[0] = view.getUint32(at);
  into[1] = view.getUint32(at + 4);
  into[2] = view.getUint32(at + 8);
  into[3] = view.getUint32(at + 12);
}

/** Makes both addresses IPv4 if both are IPv4-mapped; a row has one family. */
export function unmapBoth(a: AddressWords, b: AddressWords): void {
  if (!isMapped(a.words) || !isMapped(b.words)) return;
  a.family = 4;
  b.family = 4;
  a.words[0] = a.words[3];
  b.words[0] = b.words[3];
}

function isMapped(words: Uint32Array): boolean {
  return words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
}

/** Exact up to 2^53. */
function unsigned(view: DataView, at: number, length: number): number {
  switch (length) {
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at);
    case 4:
      return view.getUint32(at);
    case 8:
      return view.getUint32(at) * 0x1_0000_0000 + view.getUint32(at + 4);
    default: {
      let value = 0;
      for (let i = 0; i < length; i++) value = value * 256 + view.getUint8(at + i);
      return value;
    }
  }
}

/** Rounded: exporters make the fraction of whole milliseconds, and cut it. */
function ntpMs(seconds: number, fraction: number): number {
  // The era that begins in 2036 (RFC 5905 section 6).
  const era = seconds < NTP_TO_UNIX ? 0x1_0000_0000 : 0;
  return (seconds + era - NTP_TO_UNIX) * 1000 + Math.round((fraction / 0x1_0000_0000) * 1000);
}
