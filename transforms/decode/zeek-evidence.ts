import { GRADE } from '../../pipeline/codes.js';
import { isWord } from './delimited.js';

/** Codes of `conn_state`, by what they prove. */
const ESTABLISHED = ['SF', 'S2', 'S3'];
/** Zeek says established from the SYN+ACK on: `ShR` of a half-open scan is RSTO, `Sh` is S1. */
const ACCEPTED = ['S1', 'RSTO', 'RSTR'];
const ATTEMPT = ['S0', 'REJ', 'RSTOS0', 'SH'];
const ANSWERED = ['RSTRH', 'SHR'];
const MIDSTREAM = ['OTH'];

type StateKind = 'established' | 'accepted' | 'attempt' | 'answered' | 'midstream' | 'unknown';

interface State {
  readonly text: Uint8Array;
  readonly kind: StateKind;
}

const STATES: readonly State[] = [
  ...states(ESTABLISHED, 'established'),
  ...states(ACCEPTED, 'accepted'),
  ...states(ATTEMPT, 'attempt'),
  ...states(ANSWERED, 'answered'),
  ...states(MIDSTREAM, 'midstream'),
];

function states(names: readonly string[], kind: StateKind): State[] {
  return names.map((name) => ({ text: Buffer.from(name, 'latin1'), kind }));
}

/** What a connection's history shows, as bits. Upper case is the originator's doing. */
const SYN_SEEN = 1;
const SYN_ACK_SEEN = 2;
const DATA = 4;
const ORIG_ACK = 8;
const RESP_ACK = 16;
const FLIPPED = 32;
const SYN_FIRST = 64;

/** Bits of the history in `text[start..end)`; 0 if it is empty. */
export function historyBits(text: Uint8Array, start: number, end: number): number {
  let bits = end > start && text[start] === 83 ? SYN_FIRST : 0;
  for (let i = start; i < end; i++) {
    switch (text[i]) {
      case 83: // S
        bits |= SYN_SEEN;
        break;
      case 104: // h
        bits |= SYN_ACK_SEEN;
        break;
      case 68: // D
      case 100: // d
        bits |= DATA;
        break;
      case 65: // A
        bits |= ORIG_ACK;
        break;
      case 97: // a
        bits |= RESP_ACK;
        break;
      case 94: // ^
        bits |= FLIPPED;
        break;
    }
  }
  return bits;
}

/**
 * Whether the originator is known to have begun: the history starts with its SYN, or has the
 * responder's SYN+ACK and no `^`, by which Zeek marks that it guessed and exchanged the sides.
 */
export function sawStart(history: number): boolean {
  if ((history & SYN_FIRST) !== 0) return true;
  return (history & SYN_ACK_SEEN) !== 0 && (history & FLIPPED) === 0;
}

/**
 * Grade of a TCP connection by `conn_state` (`text[start..end)`, empty if unset) and history.
 * `payload`: bytes of both sides above TCP. Source: Zeek's documentation of base/protocols/conn.
 */
export function tcpEvidence(
  text: Uint8Array,
  start: number,
  end: number,
  history: number,
  payload: number,
): number {
  switch (kindOf(text, start, end)) {
    case 'established':
      if ((history & DATA) !== 0) return GRADE.strong;
      return payload > 0 && isSf(text, start, end) ? GRADE.strong : GRADE.medium;
    case 'accepted':
      if ((history & DATA) !== 0) return GRADE.strong;
      if ((history & ORIG_ACK) !== 0) return GRADE.medium;
      if ((history & SYN_ACK_SEEN) !== 0) return GRADE.answered;
      return (history & SYN_SEEN) !== 0 ? GRADE.attempt : GRADE.medium;
    case 'attempt':
      return GRADE.attempt;
    case 'answered':
      return GRADE.answered;
    case 'midstream':
      return exchanged(history) ? GRADE.medium : GRADE.attempt;
    case 'unknown':
      if (exchanged(history)) return GRADE.medium;
      if ((history & SYN_ACK_SEEN) !== 0) return GRADE.answered;
      return (history & SYN_SEEN) !== 0 ? GRADE.attempt : GRADE.unknown;
  }
}

function exchanged(history: number): boolean {
  const acks = ORIG_ACK | RESP_ACK;
  return (history & DATA) !== 0 || (history & acks) === acks;
}

function isSf(text: Uint8Array, start: number, end: number): boolean {
  return end - start === 2 && text[start] === 83 && text[start + 1] === 70;
}

function kindOf(text: Uint8Array, start: number, end: number): StateKind {
  for (const state of STATES) {
    if (isWord(text, start, end, state.text)) return state.kind;
  }
  return 'unknown';
}
