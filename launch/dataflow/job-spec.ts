import { describeHistory } from '../../history/open-history.js';
import type { HistoryRef } from '../../history/store.js';
import type { LiveInput } from '../../pipeline/live-input.js';
import type { JobSpec } from '../../pipeline/pipeline.js';
import type { ManifestRef } from '../../reference/snapshot.js';
import type { EngineSink } from '../../transforms/engine-spec.js';
import type { Config } from '../config/config.js';
import { jobSpec } from '../job-spec.js';

/** The job in batch: `reference` and all places are where workers find them. */
export function batchSpec(config: Config, reference: ManifestRef): JobSpec {
  const { output } = config;
  return {
    ...jobSpec(config, reference),
    findingsPath: `${output}/findings.ndjson`,
    rejectsPath: `${output}/rejects.ndjson`,
    noticesPath: `${output}/notices.ndjson`,
  };
}

/** The job without an end, with the history as it is now. */
export async function streamingSpec(
  config: Config,
  reference: ManifestRef,
  { offline = false }: { readonly offline?: boolean } = {},
): Promise<JobSpec> {
  const { output, streaming, history, sinks } = config;
  const topics = sinks.flatMap((sink): EngineSink[] => (sink.kind === 'pubsub' ? [sink] : []));
  return {
    ...batchSpec(config, reference),
    stream: {
      inputs: config.inputs.map(liveInput),
      allowedLatenessMs: streaming.allowedLatenessMs,
      earlyMs: streaming.earlyFiringsMs,
      everyMs: streaming.referenceEveryMs,
      suppressionsPath: null,
      sinks: [],
      archive: null,
      engine: {
        history: history === undefined ? null : await historyNow(history, offline),
        outputs: { sinks: [{ kind: 'objects', directory: output }, ...topics], output },
      },
    },
  };
}

/** `offline`: nothing is asked of a bucket; the history is then taken to be empty. */
async function historyNow(directory: string, offline: boolean): Promise<HistoryRef> {
  return offline ? { directory, days: [], candidates: [] } : describeHistory(directory);
}

function liveInput({ location, ...input }: Config['inputs'][number]): LiveInput {
  if (location.kind !== 'pubsub')
    throw new Error(`${input.uri} has no end, and is no subscription`);
  const { uri, format, sensor, samplingRate, unknownFlags } = input;
  return {
    input: { name: uri, uri, format, sensor, samplingRate, unknownFlags },
    location: {
      ...location,
      timestampAttribute: input.timestampAttribute ?? '',
      idAttribute: input.idAttribute ?? '',
    },
  };
}
