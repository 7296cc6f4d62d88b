import { ACK, FIN, PSH, RST, SYN } from '../../pipeline/codes.js';
import { isHex, parseCount, parseHex } from './text-numbers.js';

const URG = 0x20;
const ECE = 0x40;
const CWR = 0x80;

/** Twelve bits exist (RFC 9293 section 3.1); more is not a set of flags. */
const MAX_FLAGS = 0xfff;

/**
 * TCP flags as a number, as hexadecimal `0x1b`, or as letters of `CEUAPRSF` and dots in any order
 * (`...AP.SF`, `.AP.SF`); -1 if they are none. No text at all is no flag.
 */
export function parseFlags(text: Uint8Array, start: number, end: number): number {
  const first = text[start];
  if (start < end && first >= 48 && first <= 57) {
    const flags = isHex(text, start, end)
      ? parseHex(text, start + 2, end)
      : parseCount(text, start, end);
    return flags >= 0 && flags <= MAX_FLAGS ? flags : -1;
  }
  return parseFlagLetters(text, start, end);
}

/** The letters alone. */
export function parseFlagLetters(text: Uint8Array, start: number, end: number): number {
  // Softflowd and nfdump print eight places at most, Argus each letter once.
  if (end - start > 12) return -1;
  let flags = 0;
  for (let i = start; i < end; i++) {
    switch (text[i] | 32) {
      case 102:
        flags |= FIN;
        break;
      case 115:
        flags |= SYN;
        break;
      case 114:
        flags |= RST;
        break;
      case 112:
        flags |= PSH;
        break;
      case 97:
        flags |= ACK;
        break;
      case 117:
        flags |= URG;
        break;
      case 101:
        flags |= ECE;
        break;
      case 99:
        flags |= CWR;
        break;
      case 46:
        break;
      default:
        return -1;
    }
  }
  return flags;
}
