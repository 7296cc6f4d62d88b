import type { DomainState } from './exporter-state.js';
import { FIELD, REVERSE } from './field.js';
import type { MessageHeader } from './message.js';
import type { RecordValues } from './record-values.js';

const UPTIME_CYCLE = 2 ** 32;

/**
 * Unix time of an uptime of 32 bits, told by a message of that time and uptime. Right across the
 * wrap (each 49.7 days) for what lies up to 24.8 days before or after the message.
 */
export function fromUptime(uptimeMs: number, messageUptimeMs: number, messageMs: number): number {
  return messageMs - ((messageUptimeMs - uptimeMs) | 0);
}

/** When a flow started and ended, ms since 1970 UTC; one object for all records. */
export class FlowTimes {
  startMs = 0;
  endMs = 0;

  /**
   * Reads the times of the record, absolute ones first. One that is missing is made of the other and
   * the duration; without that it ended when it was observed (a firewall's event), and if nothing
   * says when, when it was exported.
   */
  read(
    values: RecordValues,
    has: Uint8Array,
    message: MessageHeader,
    domain: DomainState | undefined,
  ): void {
    const { numbers } = values;
    let startMs = startOf(values, has, message, domain, 0);
    let endMs = endOf(values, has, message, domain, 0);
    const durationMs = durationOf(numbers, has);
    const observedMs = observedOf(numbers, has);
    if (Number.isNaN(endMs)) {
      if (Number.isNaN(startMs)) endMs = Number.isNaN(observedMs) ? message.exportMs : observedMs;
      else endMs = durationMs === 0 && observedMs > startMs ? observedMs : startMs + durationMs;
    }
    if (Number.isNaN(startMs)) startMs = endMs - durationMs;
    this.startMs = startMs;
    this.endMs = endMs;
  }

  /** The times of the reverse direction (RFC 5103), where it has its own and they make sense beside the others. */
  readReverse(
    values: RecordValues,
    has: Uint8Array,
    message: MessageHeader,
    domain: DomainState | undefined,
  ): void {
    const startMs = startOf(values, has, message, domain, REVERSE);
    const endMs = endOf(values, has, message, domain, REVERSE);
    // A two-way record's times are of both directions where those of one are not told.
    if (!(startMs >= this.startMs && startMs <= endMs && endMs <= this.endMs)) return;
    this.startMs = startMs;
    this.endMs = endMs;
  }
}

function startOf(
  { numbers }: RecordValues,
  has: Uint8Array,
  message: MessageHeader,
  domain: DomainState | undefined,
  reverse: number,
): number {
  const ms = absolute(
    numbers,
    has,
    FIELD.startMilliseconds + reverse,
    FIELD.startNtp + reverse,
    FIELD.startSeconds + reverse,
  );
  if (!Number.isNaN(ms)) return ms;
  if (has[FIELD.startBeforeExport + reverse] === 1) {
    return Math.round(message.exportMs - numbers[FIELD.startBeforeExport + reverse] / 1000);
  }
  if (has[FIELD.startUptime + reverse] !== 1) return NaN;
  return sinceStart(numbers[FIELD.startUptime + reverse], numbers, has, message, domain);
}

function endOf(
  { numbers }: RecordValues,
  has: Uint8Array,
  message: MessageHeader,
  domain: DomainState | undefined,
  reverse: number,
): number {
  const ms = absolute(
    numbers,
    has,
    FIELD.endMilliseconds + reverse,
    FIELD.endNtp + reverse,
    FIELD.endSeconds + reverse,
  );
  if (!Number.isNaN(ms)) return ms;
  if (has[FIELD.endBeforeExport + reverse] === 1) {
    return Math.round(message.exportMs - numbers[FIELD.endBeforeExport + reverse] / 1000);
  }
  if (has[FIELD.endUptime + reverse] !== 1) return NaN;
  return sinceStart(numbers[FIELD.endUptime + reverse], numbers, has, message, domain);
}

/** The finest that is there; 0 is what an exporter writes that does not know (a firewall's events). */
function absolute(
  numbers: Float64Array,
  has: Uint8Array,
  milliseconds: number,
  ntp: number,
  seconds: number,
): number {
  if (has[milliseconds] === 1 && numbers[milliseconds] > 0) return numbers[milliseconds];
  if (has[ntp] === 1 && numbers[ntp] > 0) return numbers[ntp];
  if (has[seconds] === 1 && numbers[seconds] > 0) return numbers[seconds];
  return NaN;
}

/** NaN where IPFIX has not said when the uptime began. */
function sinceStart(
  uptimeMs: number,
  numbers: Float64Array,
  has: Uint8Array,
  message: MessageHeader,
  domain: DomainState | undefined,
): number {
  if (message.version === 9) return fromUptime(uptimeMs, message.uptimeMs, message.exportMs);
  const inRecord = has[FIELD.systemInitMilliseconds] === 1;
  const initMs = inRecord ? numbers[FIELD.systemInitMilliseconds] : (domain?.systemInitMs ?? 0);
  if (initMs <= 0) return NaN;
  // Uptime of 32 bits begins again; the message says in which cycle it is.
  const ms = initMs + uptimeMs;
  const cycles = Math.round((message.exportMs - ms) / UPTIME_CYCLE);
  return cycles > 0 ? ms + cycles * UPTIME_CYCLE : ms;
}

function durationOf(numbers: Float64Array, has: Uint8Array): number {
  if (has[FIELD.durationMilliseconds] === 1) return numbers[FIELD.durationMilliseconds];
  if (has[FIELD.durationMicroseconds] === 1) {
    return Math.round(numbers[FIELD.durationMicroseconds] / 1000);
  }
  if (has[FIELD.startUptime] === 1 && has[FIELD.endUptime] === 1) {
    // Exchanged by some exporters.
    return Math.abs((numbers[FIELD.endUptime] - numbers[FIELD.startUptime]) | 0);
  }
  return 0;
}

function observedOf(numbers: Float64Array, has: Uint8Array): number {
  return absolute(
    numbers,
    has,
    FIELD.observedMilliseconds,
    FIELD.observedNtp,
    FIELD.observedSeconds,
  );
}
