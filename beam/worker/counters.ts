/**
 * Counters of a bundle.
 *
 * Fault: the SDK's reset between two bundles of one processor keeps the values, so that an engine,
 * which adds bundles up, counts the first bundle again with each further one. Fault: counters are
 * written as 32-bit integers; 2^31 bytes read are a negative number. Repair: cells are emptied when
 * a bundle is told, and sums are written with 64 bits.
 */
import '../prepare.js';
import 'apache-beam';
import { VarIntCoder } from 'apache-beam/coders/standard_coders';
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
