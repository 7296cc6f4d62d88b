import { expect } from 'chai';
import { FLAGS_UNKNOWN } from '../../pipeline/codes.js';
import type { PlainRow } from './collect.js';

const UPTIME_CYCLE = 2 ** 32;

/** What nfcapd 1.7.1 is known to make otherwise of the same datagrams, beyond what it always does. */
export type NfcapdHabit =
  /** Uptime of more than 49.7 days began again: nfcapd is off by such cycles. */
  | 'no-uptime-cycles'
  /** It exchanges flowStartSysUpTime and flowEndSysUpTime of IPFIX. */
  | 'exchanged-uptime'
  /** It does not read the sampling rate of softflowd's options. */
  | 'no-sampling-options'
  /** It has no time (0) for times in seconds, and for an uptime of 0: softflowd's first packet. */
  | 'no-time';

/**
 * Compares the rows of datagrams with those of the file that nfcapd made of them, column by column.
 * nfcapd has no word for flags that a template does not have (0), for those of a reverse direction
 * (unknown), nor for a rate of 1 (none).
 */
export function expectAsNfcapd(
  rows: readonly PlainRow[],
  nfcapdRows: readonly PlainRow[],
  habits: readonly NfcapdHabit[] = [],
): void {
  expect(rows.length).to.equal(nfcapdRows.length);
  rows.forEach((row, i) => {
    const wanted = nfcapdRows[i];
    const times = timesAs(row, wanted, habits);
    const got: PlainRow = {
      ...row,
      ...times,
      tcpFlags: flagsAs(row, wanted),
      samplingRate:
        row.samplingRate === 1 || habits.includes('no-sampling-options') ? 0 : row.samplingRate,
    };
    expect(got, `row ${i}`).to.deep.equal(wanted);
  });
}

function timesAs(
  row: PlainRow,
  wanted: PlainRow,
  habits: readonly NfcapdHabit[],
): { startMs: number; endMs: number } {
  let { startMs, endMs } = row;
  if (habits.includes('exchanged-uptime')) [startMs, endMs] = [endMs, startMs];
  const same = (ms: number, nfcapdMs: number): boolean => {
    const apart = nfcapdMs - ms;
    if (habits.includes('no-uptime-cycles')) return Math.abs(apart) % UPTIME_CYCLE === 0;
    return apart === 0 || (habits.includes('no-time') && nfcapdMs === 0);
  };
  return {
    startMs: same(startMs, wanted.startMs) ? wanted.startMs : startMs,
    endMs: same(endMs, wanted.endMs) ? wanted.endMs : endMs,
  };
}

function flagsAs({ tcpFlags }: PlainRow, wanted: PlainRow): number {
  const untold = tcpFlags === FLAGS_UNKNOWN && wanted.tcpFlags === 0;
  return untold || wanted.tcpFlags === FLAGS_UNKNOWN ? wanted.tcpFlags : tcpFlags;
}
