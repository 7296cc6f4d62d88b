/**
 * List prices in US dollars, Dataflow in us-central1 without commitments or discounts.
 *
 * Source: cloud.google.com/dataflow/pricing as Apache Beam's own cost benchmarks carry it
 * (sdks/python/apache_beam/testing/load_tests/dataflow_cost_consts.py); a second public copy, which
 * says that it was read there on 2026-09-08, agrees. The page itself could not be fetched here:
 * read it, and put in what it says today.
 */
export interface Prices {
  readonly vcpuHour: number;
  readonly memoryGbHour: number;
  /** Of data that crosses a shuffle, written and read. */
  readonly shuffleGb: number;
}

export const BATCH: Prices = { vcpuHour: 0.056, memoryGbHour: 0.003557, shuffleGb: 0.011 };

/** With Streaming Engine, billed by data; billing by its compute units cannot be told from here. */
export const STREAMING: Prices = { vcpuHour: 0.069, memoryGbHour: 0.003557, shuffleGb: 0.018 };
