import { join } from 'node:path';
import { describeHistory } from '../history/open-history.js';
import type { LiveInput, LiveLocation } from '../pipeline/live-input.js';
import type { JobSpec, StreamSpec } from '../pipeline/pipeline.js';
import type { ManifestRef } from '../reference/snapshot.js';
import type { KafkaSinkSpec } from '../transforms/publish.js';
import type { SinkSpec } from '../transforms/write/open-sinks.js';
import type { Config } from './config/config.js';
import type { SinkLocation } from './config/sink-uri.js';
import { SETTINGS } from './config/schema.js';
import { jobSpec } from './job-spec.js';

const DEFAULTS: NonNullable<Config['inputs'][number]['kafka']> = {
  from: SETTINGS.kafkaFrom.default,
  times: SETTINGS.kafkaTimes.default,
};

/** The job without an end as the local runner takes it. */
export function streamingSpec(config: Config, reference: ManifestRef): JobSpec {
  const { streaming, output } = config;
  const stream: StreamSpec = {
    ...commonSpec(config),
    sinks: [{ kind: 'files', directory: output }, ...ownSinks(config.sinks)],
    archive:
      streaming.lookbackMs === 0
        ? null
        : { directory: join(streaming.state, 'archive'), lookbackMs: streaming.lookbackMs },
    engine: null,
  };
  return { ...jobSpec(config, reference), stream };
}

/**
 * The job without an end as other engines take it. They have no sources of ours: reference,
 * suppressions and history are those of now, and conversations are not kept for late indicators.
 * Findings go to the configured sinks only, as many workers cannot share files.
 */
export async function engineStreamingSpec(
  config: Config,
  reference: ManifestRef,
): Promise<JobSpec> {
  const { history, kafkaProperties: properties } = config;
  const stream: StreamSpec = {
    ...commonSpec(config),
    sinks: config.sinks.map((sink) => (sink.kind === 'kafka' ? { ...sink, properties } : sink)),
    archive: null,
    engine: {
      history: history === undefined ? null : await describeHistory(history),
      outputs: null,
    },
  };
  return { ...jobSpec(config, reference), stream };
}

function commonSpec(config: Config): Omit<StreamSpec, 'sinks' | 'archive' | 'engine'> {
  const { streaming } = config;
  return {
    inputs: config.inputs.map((input) => liveInput(input, config)),
    allowedLatenessMs: streaming.allowedLatenessMs,
    earlyMs: streaming.earlyFiringsMs,
    everyMs: streaming.referenceEveryMs,
    suppressionsPath: config.suppressionsPath ?? null,
  };
}

/** Sinks that a process of ours writes; Kafka's is written by the engine. */
export function ownSinks(sinks: readonly SinkLocation[]): SinkSpec[] {
  return sinks.filter((sink): sink is Exclude<SinkLocation, KafkaSinkLocation> => {
    return sink.kind !== 'kafka';
  });
}

type KafkaSinkLocation = Extract<SinkLocation, { kind: KafkaSinkSpec['kind'] }>;

function liveInput(input: Config['inputs'][number], config: Config): LiveInput {
  const { uri, format, sensor, samplingRate, unknownFlags } = input;
  return {
    input: { name: uri, uri, format, sensor, samplingRate, unknownFlags },
    location: liveLocation(input, config),
  };
}

function liveLocation(
  { uri, location, kafka, timestampAttribute = '', idAttribute = '' }: Config['inputs'][number],
  { kafkaProperties: properties }: Config,
): LiveLocation {
  switch (location.kind) {
    case 'pubsub':
      return { ...location, timestampAttribute, idAttribute };
    case 'kafka': {
      const { group = '', from, times } = kafka ?? DEFAULTS;
      return { ...location, properties, group, from, times };
    }
    case 'object':
      // The check of the configuration lets none through.
      throw new Error(`${uri} is read only without --streaming`);
    default:
      return location;
  }
}
