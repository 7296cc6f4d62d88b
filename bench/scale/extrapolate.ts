import type { Prices } from './prices.js';

/** What one flow record costs, as measured. */
export interface PerFlow {
  readonly cpuSeconds: number;
  /** Over all shuffles, written once. */
  readonly shuffleBytes: number;
  /** Of the one shuffle of flow records. */
  readonly pieceBytes: number;
}

/** What is assumed and not measured. */
export interface Assumptions {
  /** Part of a worker's CPU that works for the job; the rest waits, or is the engine's own. */
  readonly utilisation: number;
  readonly memoryGbPerVcpu: number;
  /** Flows in the busiest window by those in the average one. */
  readonly peak: number;
  readonly windowSeconds: number;
  /** Most bytes of a (window, shard); above that one worker's memory is the limit. */
  readonly shardBytes: number;
}

export const ASSUMED: Assumptions = {
  utilisation: 0.5,
  memoryGbPerVcpu: 4,
  peak: 2,
  windowSeconds: 300,
  shardBytes: 64e6,
};

export interface Need {
  readonly flowsPerSecond: number;
  readonly vcpuHours: number;
  /** vCPUs that run all day and are busy at the peak. */
  readonly vcpus: number;
  /** Written and read. */
  readonly shuffleGb: number;
  readonly windowGb: number;
  readonly shards: number;
  /** US dollars a day. */
  readonly workers: number;
  readonly shuffle: number;
}

/** What `flowsPerDay` need in a day, all linear in flows. `alwaysOn`: workers stay for the peak. */
export function extrapolate(
  flowsPerDay: number,
  perFlow: PerFlow,
  prices: Prices,
  alwaysOn: boolean,
  assumed: Assumptions = ASSUMED,
): Need {
  const flowsPerSecond = flowsPerDay / 86_400;
  const vcpus = (flowsPerSecond * assumed.peak * perFlow.cpuSeconds) / assumed.utilisation;
  const busyHours = (flowsPerDay * perFlow.cpuSeconds) / 3600 / assumed.utilisation;
  const vcpuHours = alwaysOn ? Math.max(1, vcpus) * 24 : busyHours;
  const shuffleGb = (2 * flowsPerDay * perFlow.shuffleBytes) / 1e9;
  const windowBytes = flowsPerSecond * assumed.peak * assumed.windowSeconds * perFlow.pieceBytes;
  return {
    flowsPerSecond,
    vcpuHours,
    vcpus,
    shuffleGb,
    windowGb: windowBytes / 1e9,
    shards: Math.ceil(windowBytes / assumed.shardBytes),
    workers: vcpuHours * (prices.vcpuHour + assumed.memoryGbPerVcpu * prices.memoryGbHour),
    shuffle: shuffleGb * prices.shuffleGb,
  };
}
