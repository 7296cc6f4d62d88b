import '../../beam/operators.js';
import type { PCollection, Root } from 'apache-beam';
import { withName } from 'apache-beam/transforms/transform';
import { impulse } from 'apache-beam/transforms/internal';
import { createRunner, Runner, type PipelineResult } from 'apache-beam/runners/runner';
import type { Pipeline } from 'apache-beam/proto/beam_runner_api';
import { LocalRunner } from '../../launch/local/local-runner.js';
import { jsonCoder } from '../../beam/coders.js';
import { applyFn, registerFn } from '../../beam/fn.js';

export type Graph = (start: PCollection<unknown>) => void;

/** What the graphs of the test that is running have gathered. */
let gathered: unknown[] = [];

registerFn<null, unknown>('test/gather', () => ({
  process(value, { timestamp, windows }): void {
    const window = windows[0] as { start?: { toNumber(): number } };
    gathered.push({
      value,
      at: timestamp.toString(),
      window: window.start?.toNumber() ?? 'global',
    });
  },
}));

registerFn<readonly unknown[], unknown>('test/create', (values, context) => ({
  process(): void {
    for (const value of values) context.emit('out', value);
  },
}));

/** Values one after the other in one bundle. */
export function create(
  start: PCollection<unknown>,
  name: string,
  values: readonly unknown[],
): PCollection<unknown> {
  const { out } = applyFn(start, {
    name,
    fn: 'test/create',
    params: values,
    outputs: { out: jsonCoder },
  });
  return out;
}

/** Has what arrives in `values` be gathered. */
export function gather(values: PCollection<unknown>, name = 'gather'): void {
  applyFn(values, { name, fn: 'test/gather', params: null, outputs: { none: jsonCoder } });
}

export interface Gathered {
  readonly value: unknown;
  readonly at: string;
  readonly window: number | 'global';
}

export const RUNNERS = {
  direct: (): Pick<Runner, 'run'> => createRunner({ runner: 'direct' }),
  local: (): Pick<Runner, 'run'> => new LocalRunner({ bundleGroups: 2 }),
} as const;

function rooted(graph: Graph): (root: Root) => void {
  return (root) => {
    graph(root.apply(withName('start', impulse() as never)) as unknown as PCollection<unknown>);
  };
}

/** Runs a graph; gives what it gathered and its counters. */
export async function runGraph(
  runner: Pick<Runner, 'run'>,
  graph: Graph,
): Promise<{ gathered: Gathered[]; counters: Record<string, number> }> {
  gathered = [];
  const result: PipelineResult = await runner.run(rooted(graph));
  const counters = (await result.counters()) as Record<string, number>;
  return { gathered: gathered as Gathered[], counters };
}

/** The values alone, as sorted JSON. */
export function valuesOf(found: readonly Gathered[]): string[] {
  return found.map(({ value }) => JSON.stringify(value)).sort();
}

class Capture extends Runner {
  proto: Pipeline | undefined;

  override runPipeline(pipeline: Pipeline): Promise<PipelineResult> {
    this.proto = pipeline;
    return Promise.reject(new Error('captured'));
  }
}

/** The pipeline proto that a graph makes. */
export async function protoOf(build: (root: Root) => void): Promise<Pipeline> {
  const capture = new Capture();
  await capture.run(build).catch(() => undefined);
  if (capture.proto === undefined) throw new Error('the graph was not built');
  return capture.proto;
}
