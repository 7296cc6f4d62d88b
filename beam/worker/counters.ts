/**
 * Counters of a bundle.
 *
 * Fault: the SDK's reset between two bundles of one processor keeps the values, so that an engine,
 * which adds bundles up, counts the first bundle again with each further one. Fault: counters are
 * written as 32-bit integers; 2^31 bytes read are a negative number. Fault: a counter's step goes by
 * the label TRANSFORM, which is PTRANSFORM in the model, and its namespace is empty: Java's runners
 * drop such counters without a word. Repair: cells are emptied when a bundle is told, sums are written
 * with 64 bits, and labels are put right.
 */
import '../prepare.js';
import 'apache-beam';
import { VarIntCoder } from 'apache-beam/coders/standard_coders';
import type { MonitoringInfo } from 'apache-beam/proto/metrics';
import { MetricsShortIdCache } from 'apache-beam/worker/metrics';
import type { BundleProcessor } from 'apache-beam/worker/worker';
import type { Reader, Writer } from 'protobufjs';

interface Cell {
  readonly value: { reset(): void };
}

/** Empties the counters of a processor whose bundle has ended. */
export function emptyCounters({ metricsContainer }: BundleProcessor): void {
  for (const cell of metricsContainer.metrics.values()) (cell as unknown as Cell).value.reset();
}

const coder = VarIntCoder.prototype as {
  encode(element: number, writer: Writer): void;
  decode(reader: Reader): number;
};

coder.encode = (element, writer): void => {
  writer.int64(element);
};
coder.decode = (reader): number => Number(reader.int64());

const NAMESPACE = 'flowsieve';

interface ShortIds {
  asMonitoringInfo: (this: ShortIds, id: string, payload?: Uint8Array) => MonitoringInfo;
}

const shortIds = MetricsShortIdCache.prototype as unknown as ShortIds;
const { asMonitoringInfo } = shortIds;

shortIds.asMonitoringInfo = function (id, payload): MonitoringInfo {
  const info = asMonitoringInfo.call(this, id, payload);
  const labels = Object.entries(info.labels).map(([label, value]) => {
    if (label === 'TRANSFORM') return ['PTRANSFORM', value];
    return [label, label === 'NAMESPACE' ? NAMESPACE : value];
  });
  return { ...info, labels: Object.fromEntries(labels) as Record<string, string> };
};
