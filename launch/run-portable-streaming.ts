import { buildPipeline } from '../pipeline/pipeline.js';
import type { Config } from './config/config.js';
import { ConfigurationError } from './config/configuration-error.js';
import { prepareOutput, prepareReference } from './job-spec.js';
import { createLogger } from './log.js';
import { PortableRunner, type PortableOptions } from './portable/portable-runner.js';
import { engineStreamingSpec } from './streaming-spec.js';

/**
 * Runs the job without an end on a portable engine, until it is cancelled there or `cancelled` says
 * so. Gives the engine's counters where it came to an end by itself.
 *
 * Throws a ConfigurationError where a setting is at fault, and an Error where the engine ends the job.
 */
export async function runPortableStreaming(
  config: Config,
  options: PortableOptions,
): Promise<Record<string, number>> {
  if (config.sinks.length === 0) {
    const message =
      'expected a sink (kafka:// or pubsub://) where workers can put findings, got none';
    throw new ConfigurationError([{ place: config.file, path: 'sinks', message }]);
  }
  await prepareOutput(config, 'findings.ndjson');
  const reference = await prepareReference(config);
  const spec = await engineStreamingSpec(config, reference);
  const runner = new PortableRunner({ ...options, log: createLogger('stream') });
  const result = await runner.run((root) => {
    buildPipeline(root, spec);
  });
  return result.counters();
}
