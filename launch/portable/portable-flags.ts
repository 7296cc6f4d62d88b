import type { Problem } from '../config/problem.js';
import type { PortableOptions, WorkerPlace } from './portable-runner.js';

/** Flags of `flowsieve run` that say where and how a portable engine runs the job. */
export interface PortableFlags {
  /** HOST:PORT of the job service. */
  readonly endpoint?: string;
  readonly environment?: 'process' | 'docker' | 'external' | 'loopback';
  /** Command, image or HOST:PORT, as the environment wants. */
  readonly environmentConfig?: string;
  readonly jobName?: string;
  /** HOST:PORT. */
  readonly expansionService?: string;
  readonly parallelism?: number;
  /** NAME=VALUE, each. */
  readonly engineOption?: readonly string[];
}

const FLAGS = {
  endpoint: 'endpoint',
  environment: 'environment',
  environmentConfig: 'environment-config',
  jobName: 'job-name',
  expansionService: 'expansion-service',
  parallelism: 'parallelism',
  engineOption: 'engine-option',
} as const;

const ENDPOINT = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}$/;
const JOB_NAME = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** What the flags ask for, and all that is wrong with them. */
export interface ReadFlags {
  /** undefined = the runner is another one, or something is wrong. */
  readonly portable: PortableOptions | undefined;
  readonly problems: readonly Problem[];
}

export function readPortableFlags(runner: string, flags: PortableFlags): ReadFlags {
  if (runner !== 'portable') return { portable: undefined, problems: misplacedFlags(flags) };
  const problems: Problem[] = [];
  const { endpoint = '', jobName = 'flowsieve', parallelism } = flags;
  if (!ENDPOINT.test(endpoint)) {
    problems.push(problem('endpoint', 'expected HOST:PORT of a Beam job service'));
  }
  if (!JOB_NAME.test(jobName)) {
    const expected = 'expected 1 to 63 lower-case letters, digits and dashes, a letter first';
    problems.push(problem('job-name', expected));
  }
  const expansionService = flags.expansionService ?? besides(endpoint);
  if (flags.expansionService !== undefined && !ENDPOINT.test(expansionService)) {
    problems.push(problem('expansion-service', 'expected HOST:PORT of a Beam expansion service'));
  }
  const workers = workerPlace(flags, problems);
  const pipelineOptions = {
    ...(parallelism === undefined ? {} : { parallelism }),
    ...engineOptions(flags.engineOption ?? [], problems),
  };
  const portable =
    problems.length > 0
      ? undefined
      : { endpoint, expansionService, workers, jobName, pipelineOptions };
  return { portable, problems };
}

/** Where Flink's job server has its expansion service unless told otherwise. */
function besides(endpoint: string): string {
  return endpoint.replace(/:[0-9]+$/, ':8097');
}

/** Flags that were given although another runner is to run. */
function misplacedFlags(flags: PortableFlags): Problem[] {
  return Object.entries(FLAGS)
    .filter(([key]) => {
      const value = flags[key as keyof PortableFlags];
      return value !== undefined && !(Array.isArray(value) && value.length === 0);
    })
    .map(([, flag]) => problem(flag, 'expected only with --runner portable'));
}

function workerPlace(flags: PortableFlags, problems: Problem[]): WorkerPlace {
  const { environment = 'process', environmentConfig: config } = flags;
  switch (environment) {
    case 'process':
      return config === undefined ? { kind: 'here' } : { kind: 'process', command: config };
    case 'loopback':
      if (config !== undefined) {
        problems.push(problem('environment-config', 'expected none with --environment loopback'));
      }
      return { kind: 'loopback' };
    case 'docker':
      if (config === undefined) problems.push(problem('environment-config', 'expected an image'));
      return { kind: 'docker', image: config ?? '' };
    case 'external':
      if (config === undefined || !ENDPOINT.test(config)) {
        problems.push(problem('environment-config', 'expected HOST:PORT of a pool of workers'));
      }
      return { kind: 'external', endpoint: config ?? '' };
  }
}

/** `NAME=VALUE`; a value that is JSON (a number, true, a list) is taken as such. */
function engineOptions(texts: readonly string[], problems: Problem[]): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  for (const text of texts) {
    const found = /^([a-z][a-z0-9_]*)=(.*)$/su.exec(text);
    if (found === null) {
      problems.push(problem('engine-option', `expected name_of_option=value, got ${text}`));
    } else {
      options[found[1]] = jsonOr(found[2]);
    }
  }
  return options;
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function problem(flag: string, message: string): Problem {
  return { place: `--${flag}`, path: '', message };
}
