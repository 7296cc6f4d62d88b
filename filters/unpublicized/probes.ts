import type { EstimateEvidence } from '../../pipeline/finding.js';
import type { HitCounter } from '../../pipeline/hit.js';
import { compareSightings, type Sighted } from '../../pipeline/traffic.js';
import type { Interval } from '../../statistics/interval.js';
import { garwood } from '../../statistics/poisson.js';
import type { Tally } from '../tally.js';

const LEVEL = 0.95;
/** The normal quantile of that level, and from where on its interval is Garwood's in all digits that are written. */
const NORMAL_QUANTILE = 1.959963984540054;
const EXACT_BELOW = 1e9;

/**
 * How many packets were sent, from those that were sampled: counts of the one sensor that saw most
 * times its rate. Packets sampled 1 in N are a Poisson count, whose exact interval is Garwood's;
 * with all packets seen there is nothing to estimate. Where the rate is not known (`samplingRate`
 * 0) the count is only the least there can have been.
 */
export function estimateProbes(tally: Tally): EstimateEvidence {
  const { packets: observed, samplingRate } = sawMost(tally.counters);
  const known = { type: 'estimate', of: 'probes', observed, samplingRate, level: LEVEL } as const;
  if (samplingRate <= 1) return { ...known, estimate: observed, low: observed, high: observed };
  const { low, high } = intervalOf(observed);
  return {
    ...known,
    estimate: observed * samplingRate,
    // Those that were seen were sent.
    low: Math.max(observed, Math.floor(low * samplingRate)),
    high: Math.ceil(high * samplingRate),
  };
}

/** A record may claim any count; beyond 1e12 Garwood's is not computed. */
function intervalOf(count: number): Interval {
  if (count < EXACT_BELOW) return garwood(count, LEVEL);
  const half = NORMAL_QUANTILE * Math.sqrt(count);
  return { low: count - half, high: count + half };
}

/** The sensor that speaks for what was sent, as `Tally.traffic` chooses it. */
function sawMost(counters: readonly HitCounter[]): Sighted {
  const sighted = counters.map(({ outPackets, samplingRate }) => ({
    packets: outPackets,
    samplingRate,
  }));
  return sighted.sort(compareSightings).at(0) ?? { packets: 0, samplingRate: 0 };
}
