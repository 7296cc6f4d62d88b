import type { Conversation } from '../conversation.js';
import { Tally, type TallyJson } from '../tally.js';
import { bytesBothWays } from './volume.js';

/** One connection from outside to an insecure service, over its conversation windows. */
export interface Session {
  /** One conversation a window in which it was seen. */
  readonly tally: Tally;
  /** Start of the first and last window in which it was seen, and the length of one. */
  readonly firstWindowMs: number;
  readonly lastWindowMs: number;
  readonly windowMs: number;
}

/** A session as plain JSON. */
export interface SessionJson extends Omit<Session, 'tally'> {
  readonly tally: TallyJson;
}

/** When a session looks like a shell. */
export interface ShellLimits {
  readonly shellMs: number;
  readonly shellBytes: number;
}

/** What a conversation of one window adds to its session. */
export function sessionOf(conversation: Conversation): Session {
  const { batch, row, windowStartMs } = conversation;
  const tally = new Tally();
  tally.add(conversation);
  return {
    tally,
    firstWindowMs: windowStartMs,
    lastWindowMs: windowStartMs,
    windowMs: batch.columns.windowEndMs[row] - windowStartMs,
  };
}

/** One session of two parts of it; `a` is not used again. */
export function joinSessions(a: Session, b: Session): Session {
  a.tally.merge(b.tally);
  return {
    tally: a.tally,
    firstWindowMs: Math.min(a.firstWindowMs, b.firstWindowMs),
    lastWindowMs: Math.max(a.lastWindowMs, b.lastWindowMs),
    windowMs: Math.max(a.windowMs, b.windowMs),
  };
}

export function saveSession(session: Session): SessionJson {
  return { ...session, tally: session.tally.save() };
}

export function restoreSession(json: SessionJson): Session {
  return { ...json, tally: Tally.restore(json.tally) };
}

/** From its first to its last record. */
export function durationMs({ tally }: Session): number {
  return tally.lastMs - tally.firstMs;
}

/** Both ways, scaled. */
export function sessionBytes({ tally }: Session): number {
  return bytesBothWays(tally);
}

/** Windows from the first to the last in which it was seen. */
export function windowsSpanned({ firstWindowMs, lastWindowMs, windowMs }: Session): number {
  return Math.round((lastWindowMs - firstWindowMs) / Math.max(1, windowMs)) + 1;
}

/**
 * Long, small, and seen in most of its windows: somebody types now and then. Two short connections
 * hours apart that happen to use the same ports are not.
 */
export function looksLikeShell(session: Session, { shellMs, shellBytes }: ShellLimits): boolean {
  return (
    durationMs(session) >= shellMs &&
    session.tally.conversations * 2 > windowsSpanned(session) &&
    sessionBytes(session) <= shellBytes
  );
}
