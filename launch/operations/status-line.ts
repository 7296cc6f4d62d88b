import { printable } from '../terminal-text.js';
import { recordsRead, sumUnder } from './job-counters.js';
import { bytesText, countText, durationText } from './quantities.js';
import type { SourceStatus, StreamStatus } from './stream-status.js';

/** What an earlier line was made of; the rate is the difference to it. */
export interface EarlierStatus {
  readonly status: StreamStatus;
  /** Ms since 1970 UTC. */
  readonly atMs: number;
}

/**
 * One line for people on how a streaming job is doing:
 * `1,200,000 records (20,000/s), 12 rejected, 5 findings, watermark 31 s behind, state 3.2 MB in 8 groups`.
 */
export function renderStatusLine(
  status: StreamStatus,
  nowMs: number = Date.now(),
  earlier?: EarlierStatus,
): string {
  const { counters, sources, state } = status;
  const records = recordsRead(counters);
  const waiting = sources.reduce((sum, source) => sum + source.waitingElements, 0);
  const late = sumUnder(counters, 'dropped/late/');
  const udp = sumUnder(counters, 'dropped/udp/');
  const parts = [
    `${countText(records)} records${rateText(records, nowMs, earlier)}`,
    `${countText(sumUnder(counters, 'rejects/'))} rejected`,
    ...(late > 0 ? [`${countText(late)} too late`] : []),
    ...(udp > 0 ? [`${countText(udp)} datagrams dropped`] : []),
    `${countText(sumUnder(counters, 'findings/'))} findings`,
    watermarkText(sources, nowMs),
    `state ${bytesText(state.bytes)} in ${countText(state.groups)} groups`,
    ...(waiting > 0 ? [`${countText(waiting)} waiting`] : []),
  ];
  const line = parts.join(', ');
  return status.ready
    ? line
    : `not ready: ${printable(status.problem ?? 'no reason known')}; ${line}`;
}

function rateText(records: number, nowMs: number, earlier: EarlierStatus | undefined): string {
  const seconds = earlier === undefined ? 0 : (nowMs - earlier.atMs) / 1000;
  if (earlier === undefined || seconds <= 0) return '';
  const more = records - recordsRead(earlier.status.counters);
  return ` (${countText(Math.round(more / seconds))}/s)`;
}

/** The source that is farthest behind; named where there are several. */
function watermarkText(sources: readonly SourceStatus[], nowMs: number): string {
  let last: { readonly name: string; readonly watermarkMs: number } | undefined;
  for (const { name, watermarkMs } of sources) {
    // A source that is at its end, and one that knows nothing, hold nothing back.
    if (watermarkMs === null || !Number.isFinite(watermarkMs)) continue;
    if (watermarkMs >= (last?.watermarkMs ?? Infinity)) continue;
    last = { name, watermarkMs };
  }
  if (last === undefined) return 'no watermark yet';
  const lag = durationText(Math.max(0, nowMs - last.watermarkMs));
  return `watermark ${lag} behind${sources.length > 1 ? ` (${printable(last.name)})` : ''}`;
}
