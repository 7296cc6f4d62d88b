import { ParDoPayload, type Components, type Pipeline } from 'apache-beam/proto/beam_runner_api';

/** A step that an engine runs, by what a replacement must keep. */
export interface GraphStep {
  /** Full name, as `dedupe/group`. */
  readonly name: string;
  readonly urn: string;
  /** What it keeps between bundles: then a job that replaces another needs a step for it. */
  readonly keeps: 'groups' | 'messages' | 'nothing';
  /** Form of what it keeps and of its side inputs; another form cannot be taken over. */
  readonly form: string;
}

const KEEPS: Readonly<Record<string, GraphStep['keeps']>> = {
  'beam:transform:group_by_key:v1': 'groups',
  'beam:transform:pubsub_read:v1': 'messages',
};
const PARDO = 'beam:transform:pardo:v1';

/** The steps of a pipeline that an engine runs (composites left out), by name. */
export function graphSteps({ components }: Pipeline): ReadonlyMap<string, GraphStep> {
  const steps = new Map<string, GraphStep>();
  if (components === undefined) return steps;
  for (const { uniqueName, spec, subtransforms, inputs } of Object.values(components.transforms)) {
    if (subtransforms.length > 0) continue;
    const urn = spec?.urn ?? '';
    const keeps = KEEPS[urn] ?? 'nothing';
    const collections = keeps === 'nothing' ? [] : Object.values(inputs);
    const form = [
      ...collections.map((id) => formOf(components, id)),
      ...(urn === PARDO ? sidesOf(spec?.payload) : []),
    ].join('; ');
    steps.set(uniqueName, { name: uniqueName, urn, keeps, form });
  }
  return steps;
}

/** Coder and windows of a collection, in words that only change with them. */
function formOf(components: Components, collection: string): string {
  const { coderId, windowingStrategyId } = components.pcollections[collection];
  const { windowFn, windowCoderId } = components.windowingStrategies[windowingStrategyId];
  const sizes = Buffer.from(windowFn?.payload ?? new Uint8Array()).toString('hex');
  const windows = `${windowFn?.urn ?? ''} ${sizes} ${coderForm(components, windowCoderId)}`;
  return `${coderForm(components, coderId)} in ${windows.trim()}`;
}

function coderForm(components: Components, id: string): string {
  const { spec, componentCoderIds } = components.coders[id];
  const parts = componentCoderIds.map((part) => coderForm(components, part));
  return parts.length === 0 ? (spec?.urn ?? '') : `${spec?.urn ?? ''}(${parts.join(', ')})`;
}

function sidesOf(payload: Uint8Array | undefined): string[] {
  if (payload === undefined) return [];
  return Object.keys(ParDoPayload.fromBinary(payload).sideInputs).sort();
}
