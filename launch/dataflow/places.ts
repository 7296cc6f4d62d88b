import { parseGcsUri } from '../../history/gcs-uri.js';
import { hasScheme } from '../../objects/object-uri.js';
import type { InputConfig } from '../config/config.js';
import type { Path } from '../config/problem.js';
import { parsePubsubUri } from '../config/pubsub-name.js';
import { inputSchema, type Settings } from '../config/schema.js';
import { quoted } from '../terminal-text.js';

/** What a job is called that was given no name. Two batch jobs may run side by side, streaming ones not. */
export function defaultJobName(streaming: boolean, nowMs = Date.now()): string {
  if (streaming) return 'flowsieve-streaming';
  const time = new Date(nowMs).toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
  return `flowsieve-batch-${time}`;
}

/** Tells what is wrong with the setting at `path`. */
type Add = (path: Path, message: string) => void;

/** Settings that name a place of this machine where a worker would look for it on its own. */
export function checkRemoteSettings({ history }: Settings, add: Add): void {
  if (history !== false && !hasScheme(history)) {
    const message = `expected gs://bucket/prefix, which all workers share, or false, got ${quoted(history)}`;
    add(['history'], message);
  }
}

export interface RemoteInputs {
  readonly inputs: readonly InputConfig[];
  /** `index` of the input, -1 = the list of them, null = the command line. */
  readonly problems: readonly { readonly index: number | null; readonly message: string }[];
}

/**
 * Inputs that workers elsewhere can read: objects (`gs://`, also globs, which the workers list) in
 * batch, subscriptions in streaming.
 */
export function remoteInputs(
  settings: Settings,
  replaced: readonly string[],
  streaming: boolean,
): RemoteInputs {
  const only = settings.inputs.length === 1 ? settings.inputs[0] : undefined;
  const given =
    replaced.length === 0
      ? settings.inputs.map((input, index) => ({ input, index }))
      : replaced.map((uri) => ({
          input: { ...(only ?? inputSchema.parse({ uri })), uri },
          index: null,
        }));
  const inputs: InputConfig[] = [];
  const problems: { index: number | null; message: string }[] = [];
  if (given.length === 0) {
    problems.push({
      index: -1,
      message: 'expected at least one input, here or by --input, got none',
    });
  }
  for (const { input, index } of given) {
    const { uri } = input;
    const subscription = parsePubsubUri(uri, 'subscriptions');
    const common = { ...input, sensor: input.sensor ?? '' };
    if (streaming && subscription !== undefined) {
      inputs.push({ ...common, location: { kind: 'pubsub', subscription }, files: [] });
    } else if (!streaming && isObjects(uri)) {
      inputs.push({ ...common, location: { kind: 'file', path: uri }, files: [uri] });
    } else {
      const expected = streaming
        ? 'pubsub://projects/PROJECT/subscriptions/SUBSCRIPTION with --streaming'
        : 'gs://bucket/object or a glob of objects';
      problems.push({ index, message: `expected ${expected} on Dataflow, got ${quoted(uri)}` });
    }
  }
  return { inputs, problems };
}

/** Whether a URI names an object, or a glob of objects, in a bucket that it names. */
function isObjects(uri: string): boolean {
  const [, bucket = '', name = ''] = /^gs:\/\/([^/]+)\/(.+)$/.exec(uri) ?? [];
  return name !== '' && !name.endsWith('/') && parseGcsUri(`gs://${bucket}`) !== undefined;
}
