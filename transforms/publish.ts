import { jsonCoder } from '../beam/coders.js';
import { applyFn, registerFn } from '../beam/fn.js';
import { stableInput } from '../beam/stable-input.js';
import type { PCollection } from 'apache-beam';
import type { Finding } from '../pipeline/finding.js';
import type { KafkaPlace } from '../pipeline/kafka-topic.js';
import { writeKafka } from './kafka.js';
import { putFindings, type SinkSpec } from './write/open-sinks.js';

/** A Kafka topic: written by the engine, not by a sink of ours. */
export type KafkaSinkSpec = { readonly kind: 'kafka' } & KafkaPlace;

interface PublishParams {
  readonly sink: SinkSpec;
  /** Whether findings are counted by what this sink takes. */
  readonly counts: boolean;
}

/** Findings that a bundle holds before it hands them on. */
const HELD_FINDINGS = 1000;

registerFn<PublishParams, Finding>('flowsieve/publish', ({ sink, counts }, context) => {
  let held: Finding[] = [];
  const put = async (): Promise<void> => {
    const findings = held;
    held = [];
    if (findings.length === 0) return;
    for (const { finding, isNew } of await putFindings(sink, findings)) {
      // The first sink is the one that remembers for good.
      if (isNew && counts) context.count(`findings/${finding.filter}`);
      const what = finding.status === 'open' ? 'revisions' : 'withdrawals';
      context.count(`${what}/${sink.kind}/${finding.filter}`);
    }
  };
  return {
    async process(finding): Promise<void> {
      held.push(finding);
      if (held.length >= HELD_FINDINGS) await put();
    },
    finishBundle: put,
  };
});

/**
 * Revisions of findings -> sinks, each a step of its own. A sink may be handed a revision again after
 * a crash: it leaves out what it has.
 */
export function publish(
  findings: PCollection<Finding>,
  sinks: readonly (SinkSpec | KafkaSinkSpec)[],
): void {
  // What is told must not be told otherwise after a crash: it is stored first.
  const stored = stableInput(findings, 'findings to publish');
  // The SDK finishes side steps last first; a sink that is stuck must not keep the first one waiting.
  for (const [i, sink] of [...sinks.entries()].reverse()) {
    const name = `publish to ${sink.kind} ${i + 1}`;
    if (sink.kind === 'kafka') {
      writeKafka(stored, name, sink);
      continue;
    }
    applyFn(stored, {
      name,
      fn: 'flowsieve/publish',
      params: { sink, counts: i === 0 } satisfies PublishParams,
      // A step without outputs is not run by the SDK.
      outputs: { nothing: jsonCoder },
    });
  }
}
