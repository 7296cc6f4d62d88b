import type { LiveLocation } from './input-uri.js';
import type { SinkLocation } from './sink-uri.js';

/** Kinds of engine that run a job without an end. */
export type Engine = 'local' | 'portable' | 'dataflow';

type Kind = LiveLocation['kind'] | SinkLocation['kind'] | 'files';

interface Places {
  readonly inputs: readonly Kind[];
  readonly sinks: readonly Kind[];
  /** In words: what runs it. */
  readonly name: string;
}

/**
 * What each engine reads without an end, and where its workers can put findings. Sources of our own
 * are known to the local runner only; Kafka is read and written by Java's transforms, which it lacks.
 */
const PLACES: Readonly<Record<Engine, Places>> = {
  local: {
    inputs: ['files', 'pubsub', 'netflow', 'stdin'],
    sinks: ['stdout', 'pubsub'],
    name: 'the local runner',
  },
  portable: { inputs: ['kafka'], sinks: ['kafka', 'pubsub'], name: '--runner portable' },
  dataflow: { inputs: ['pubsub'], sinks: ['pubsub'], name: '--runner dataflow' },
};

/** How a kind is written in the configuration. */
const WRITTEN: Readonly<Record<Kind, string>> = {
  files: 'files to follow',
  pubsub: 'pubsub://',
  netflow: 'netflow://',
  stdin: '- (standard input)',
  stdout: '- (standard output)',
  kafka: 'kafka://',
};

/** Why `engine` cannot read `kind` without an end or put findings there; undefined where it can. */
export function unusableOn(
  engine: Engine,
  use: 'inputs' | 'sinks',
  kind: Kind,
): string | undefined {
  const { [use]: usable, name } = PLACES[engine];
  if (usable.includes(kind)) return undefined;
  const others = Object.values(PLACES)
    .filter((places) => places[use].includes(kind))
    .map((places) => places.name);
  const expected = usable.map((each) => WRITTEN[each]).join(', ');
  return `expected ${expected} with ${name}; ${WRITTEN[kind]} needs ${others.join(' or ')}`;
}
