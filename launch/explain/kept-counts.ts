import type { Finding } from '../../pipeline/finding.js';
import { shapeOf } from './filter-shape.js';
import { plural, thousands } from './numbers.js';

/**
 * What is left of the records behind a finding. Not every filter keeps all: a zero that nobody
 * counted must not be told as one that was.
 *
 * `by-sensor`: records, and traffic by sensor. `sums`: records and conversations, of whichever
 * sensors. `day`: the history's conversations of a day, by sensor, without records and traffic.
 */
type Kept = 'by-sensor' | 'sums' | 'day';

function keptOf({ filter, sensors }: Finding): Kept {
  const shape = shapeOf(filter);
  if (shape === 'day') return 'day';
  return shape === 'group' && sensors.length === 0 ? 'sums' : 'by-sensor';
}

const NOT_KEPT = 'not kept';

/** The rows of traffic and of who saw it. */
export function trafficFacts(finding: Finding): readonly (readonly [string, string])[] {
  const kept = keptOf(finding);
  const traffic = (packets: number, bytes: number): string =>
    kept === 'by-sensor' ? `${plural(packets, 'packet')}, ${plural(bytes, 'byte')}` : NOT_KEPT;
  return [
    ['out', traffic(finding.packetsOut, finding.bytesOut)],
    ['in', traffic(finding.packetsIn, finding.bytesIn)],
    ['sensors', kept === 'sums' ? NOT_KEPT : sensorNames(finding)],
  ];
}

function sensorNames({ sensors, samplingRate }: Finding): string {
  const names = sensors.join(', ') || 'not named';
  if (samplingRate === null) return `${names}, sampling rate not known`;
  return samplingRate === 1
    ? `${names}, unsampled`
    : `${names}, sampling 1 packet in ${thousands(samplingRate)}`;
}

/** How many records there are, and what their counts mean. */
export function recordsSentence(finding: Finding): string {
  const { revision, sensors, samplingRate } = finding;
  const records = plural(revision, 'distinct flow record');
  const happened = 'A flow that was seen did happen.';
  switch (keptOf(finding)) {
    case 'day':
      return `the history counts conversations by UTC day and sensor, and keeps neither records nor packets and bytes. Judged is what ${sensors.join(', ') || 'one sensor'} saw${atRate(samplingRate)}; ${happened.toLowerCase()}`;
    case 'sums':
      return `${records} ${stands(revision)} behind it. ${happened} Counts by sensor are not kept by this filter, so neither are packets, bytes and sampling rates.`;
    case 'by-sensor':
      return `${records} from ${plural(sensors.length, 'sensor')} ${stands(revision)} behind it. ${happened} ${scaleSentence(samplingRate)}`;
  }
}

/** How what several sensors saw counts. */
export function duplicatesSentence(finding: Finding): string {
  const once = 'what several sensors saw of one conversation, in either direction, counts once';
  switch (keptOf(finding)) {
    case 'day':
      return `${once} a sensor; compared are the counts of one sensor at one sampling rate, never a sum over sensors.`;
    case 'sums':
      return `${once}.`;
    case 'by-sensor':
      return `${once}; counts are those of the one sensor a direction that saw most, never a sum.`;
  }
}

function stands(records: number): string {
  return records === 1 ? 'stands' : 'stand';
}

function atRate(samplingRate: number | null): string {
  if (samplingRate === null) return ' (it does not say at what rate it samples)';
  return samplingRate === 1 ? ', unsampled' : `, at 1 packet in ${thousands(samplingRate)}`;
}

function scaleSentence(samplingRate: number | null): string {
  if (samplingRate === 1) return 'No packet was left out, so the counts are what passed.';
  if (samplingRate === null) {
    return 'No sensor says at what rate it samples, so the counts are the least that passed.';
  }
  return `Counts are as exported, not scaled: at 1 in ${thousands(samplingRate)} (the coarsest behind them) a packet counted stands for about ${thousands(samplingRate)} that passed, and small counts may be far off.`;
}
