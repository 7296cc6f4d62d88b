import '../../beam/worker/counters.js';
import { VarIntCoder } from 'apache-beam/coders/standard_coders';
import type { MetricResults } from 'apache-beam/proto/beam_job_api';
import protobuf from 'protobufjs';

const USER_SUM = 'beam:metric:user:sum_int64:v1';

/** User counters of a job by name, summed over its steps. Committed ones, where the engine tells. */
export function userCounters({ attempted, committed }: MetricResults): Map<string, number> {
  const counters = new Map<string, number>();
  for (const { urn, labels, payload } of committed.length > 0 ? committed : attempted) {
    if (urn !== USER_SUM) continue;
    const { NAME: name } = labels;
    const value = new VarIntCoder().decode(protobuf.Reader.create(payload));
    counters.set(name, (counters.get(name) ?? 0) + value);
  }
  return counters;
}
