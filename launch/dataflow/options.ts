import { z } from 'zod';
import { parseGcsUri } from '../../history/gcs-uri.js';
import { problemsOf, type Problem } from '../config/problem.js';
import type { YamlFile } from '../config/yaml-file.js';

/** What a job on Dataflow is made of beside its graph; checked before anything is sent. */
export type DataflowOptions = z.infer<typeof dataflowSchema>;

const PROJECT = /^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$/;
const REGION = /^[a-z]+(-[a-z]+)+[0-9]+$/;
const ZONE = /^[a-z]+(-[a-z]+)+[0-9]+-[a-z]$/;
const JOB_NAME = /^[a-z]([-a-z0-9]{0,1022}[a-z0-9])?$/;
/** Host, path, and what says which: a tag, a digest, or both. */
const IMAGE =
  /^[a-z0-9.-]+(:[0-9]+)?(\/[a-z0-9._-]+)+(:\w[\w.-]{0,127}(@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})$/;
const MACHINE_TYPE = /^[a-z][a-z0-9]*(-[a-z0-9]+)+$/;
const RESOURCE_NAME = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;
const SUBNETWORK =
  /^(https:\/\/www\.googleapis\.com\/compute\/v1\/projects\/[^/]+\/)?regions\/([^/]+)\/subnetworks\/[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;
const SERVICE_ACCOUNT = /^[a-z0-9-]{1,63}@[a-z0-9.-]+\.gserviceaccount\.com$/;
const KMS_KEY =
  /^projects\/[^/]+\/locations\/([^/]+)\/keyRings\/[A-Za-z0-9_-]{1,63}\/cryptoKeys\/[A-Za-z0-9_-]{1,63}$/;
const LABEL_KEY = /^[a-z][a-z0-9_-]{0,62}$/;
const LABEL_VALUE = /^[a-z0-9_-]{0,63}$/;
const MOST_LABELS = 64;
const OPTION = /^[A-Za-z0-9_][\w.=,:/@-]{0,1023}$/;

/** The most workers that a job may have. */
const MOST_WORKERS = 4000;

function matching(pattern: RegExp, expected: string) {
  return z.string({ error: expected }).regex(pattern, { error: expected });
}

function whole(min: number, max: number) {
  const error = `expected a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, error).max(max, error);
}

function place(what: string) {
  const error = `expected gs://bucket/prefix for ${what}`;
  return z.string({ error }).refine((text) => parseGcsUri(text) !== undefined, { error });
}

function list(what: string) {
  return z.array(matching(OPTION, `expected ${what} such as name or name=value`), {
    error: `expected a list of ${what}s`,
  });
}

/** The service itself, or a stand-in on this machine. */
function isEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, pathname, search } = new URL(text);
  if (pathname !== '/' || search !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && /^(127\.|localhost$)/.test(hostname));
}

const ENDPOINT_EXPECTED = 'expected https://HOST, or http://127.0.0.1:PORT of a stand-in';

/** The setting `dataflow` of a configuration; the command line's flags have the same names. */
export const dataflowSchema = z.strictObject(
  {
    project: matching(PROJECT, 'expected the id of a Google Cloud project'),
    region: matching(REGION, 'expected a region such as europe-west4'),
    /** Container image of the workers: this package with its worker entry point. */
    image: matching(IMAGE, 'expected a container image HOST/PATH:TAG or HOST/PATH@sha256:DIGEST'),
    tempLocation: place('temporary files'),
    /** Where pipeline and reference data are put; default: `staging` below tempLocation. */
    stagingLocation: place('staged files').optional(),
    jobName: matching(JOB_NAME, 'expected lower-case letters, digits and dashes, a letter first'),
    numWorkers: whole(1, MOST_WORKERS).optional(),
    maxWorkers: whole(1, MOST_WORKERS).optional(),
    autoscaling: z
      .enum(['THROUGHPUT_BASED', 'NONE'], { error: 'expected one of THROUGHPUT_BASED, NONE' })
      .optional(),
    machineType: matching(MACHINE_TYPE, 'expected a machine type such as n2-standard-4').optional(),
    diskSizeGb: whole(10, 65_536).optional(),
    diskType: matching(RESOURCE_NAME, 'expected a disk type such as pd-ssd').optional(),
    network: matching(RESOURCE_NAME, 'expected the name of a network').optional(),
    subnetwork: matching(
      SUBNETWORK,
      'expected regions/REGION/subnetworks/NAME, or its full URL',
    ).optional(),
    /** false: workers have internal addresses only. */
    publicIps: z.boolean({ error: 'expected true or false' }).optional(),
    /** Of the workers. */
    serviceAccount: matching(
      SERVICE_ACCOUNT,
      'expected NAME@PROJECT.iam.gserviceaccount.com',
    ).optional(),
    kmsKey: matching(KMS_KEY, 'expected projects/P/locations/L/keyRings/R/cryptoKeys/K').optional(),
    labels: z
      .record(
        matching(LABEL_KEY, 'expected a key of lower-case letters, digits, _ and -'),
        matching(LABEL_VALUE, 'expected a value of lower-case letters, digits, _ and -'),
        {
          error: ({ code }) =>
            code === 'invalid_type' ? 'expected a mapping of labels' : undefined,
        },
      )
      .refine((labels) => Object.keys(labels).length <= MOST_LABELS, {
        error: `expected at most ${MOST_LABELS} labels`,
      })
      .default({}),
    experiments: list('experiment').default([]),
    serviceOptions: list('service option').default([]),
    flexrs: z
      .enum(['COST_OPTIMIZED', 'SPEED_OPTIMIZED'], {
        error: 'expected one of COST_OPTIMIZED, SPEED_OPTIMIZED',
      })
      .optional(),
    workerRegion: matching(REGION, 'expected a region such as europe-west4').optional(),
    workerZone: matching(ZONE, 'expected a zone such as europe-west4-a').optional(),
    /** What the job says it was made by: the service may know some and not others. */
    userAgentName: matching(/^[ -~]{1,100}$/, 'expected 1 to 100 printable characters').default(
      'Apache Beam SDK for TypeScript',
    ),
    userAgentVersion: matching(/^[\w.-]{1,50}$/, 'expected a version such as 2.49.0').default(
      '2.49.0',
    ),
    /** Major version of the job's environment. */
    environmentMajor: matching(/^[0-9]{1,3}$/, 'expected a number').default('8'),
    endpoint: z
      .string({ error: ENDPOINT_EXPECTED })
      .refine(isEndpoint, { error: ENDPOINT_EXPECTED })
      .default('https://dataflow.googleapis.com'),
  },
  { error: 'expected a mapping of settings for --runner dataflow' },
);

/** Flags by the names of the settings; what is not given is undefined. */
export type DataflowFlags = Readonly<Partial<Record<keyof DataflowOptions, unknown>>>;

export type CheckedOptions =
  | { readonly ok: true; readonly options: DataflowOptions }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * The setting `dataflow` of `file` with the flags over it, checked whole. `jobName` is what a job
 * without one is called.
 */
export function checkDataflow(
  file: YamlFile,
  setting: unknown,
  flags: DataflowFlags,
  { streaming, jobName }: { readonly streaming: boolean; readonly jobName: string },
): CheckedOptions {
  if (setting !== undefined && (typeof setting !== 'object' || setting === null)) {
    const parsed = dataflowSchema.safeParse(setting);
    const problems = parsed.success
      ? []
      : problemsOf(file, dataflowSchema, parsed.error, ['dataflow']);
    return { ok: false, problems };
  }
  const given = Object.fromEntries(
    Object.entries(flags).filter(([, value]) => value !== undefined),
  );
  const parsed = dataflowSchema.safeParse({ jobName, ...setting, ...given });
  if (!parsed.success) {
    const problems = parsed.error.issues.flatMap((issue) => {
      const key = String(issue.path[0] ?? '');
      const error = new z.ZodError([issue]);
      if (Object.hasOwn(given, key)) {
        return [
          { place: flagOf(key), path: '', message: `${issue.message}, got ${told(given[key])}` },
        ];
      }
      const missing = issue.path.length === 1 && !Object.hasOwn(setting ?? {}, key);
      if (missing && issue.code !== 'unrecognized_keys') {
        const message = `${issue.message}, here or by ${flagOf(key)}, got nothing`;
        return [{ place: file.name, path: `dataflow.${key}`, message }];
      }
      return problemsOf(file, dataflowSchema, error, ['dataflow']);
    });
    return { ok: false, problems };
  }
  const options = parsed.data;
  const problems = contradictions(options, streaming).map(({ key, message }) =>
    Object.hasOwn(given, key)
      ? { place: flagOf(key), path: '', message }
      : { place: file.name, path: `dataflow.${key}`, message },
  );
  return problems.length > 0 ? { ok: false, problems } : { ok: true, options };
}

/** `--max-workers` of `maxWorkers`. */
export function flagOf(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function told(value: unknown): string {
  return JSON.stringify(value).slice(0, 200);
}

interface Contradiction {
  readonly key: keyof DataflowOptions;
  readonly message: string;
}

/** What is sound alone and not together. */
function contradictions(options: DataflowOptions, streaming: boolean): Contradiction[] {
  const found: Contradiction[] = [];
  const { numWorkers, maxWorkers, autoscaling, flexrs, workerRegion, workerZone } = options;
  const { region, subnetwork, network, kmsKey } = options;
  if (numWorkers !== undefined && maxWorkers !== undefined && numWorkers > maxWorkers) {
    found.push({
      key: 'numWorkers',
      message: `expected at most maxWorkers (${maxWorkers}), got ${numWorkers}`,
    });
  }
  if (autoscaling === 'NONE' && maxWorkers !== undefined && numWorkers === undefined) {
    found.push({
      key: 'autoscaling',
      message: 'expected numWorkers with NONE, got maxWorkers alone',
    });
  }
  if (flexrs !== undefined && streaming) {
    found.push({
      key: 'flexrs',
      message: 'expected it only for batch: a job without an end cannot wait',
    });
  }
  if (flexrs !== undefined && autoscaling === 'NONE') {
    found.push({
      key: 'flexrs',
      message: 'expected autoscaling THROUGHPUT_BASED with it, got NONE',
    });
  }
  if (workerRegion !== undefined && workerZone !== undefined) {
    found.push({ key: 'workerZone', message: 'expected workerRegion or workerZone, got both' });
  }
  const workersIn = workerZone?.slice(0, -2) ?? workerRegion ?? region;
  const subnetIn = subnetwork === undefined ? workersIn : SUBNETWORK.exec(subnetwork)?.[2];
  if (subnetIn !== workersIn) {
    found.push({
      key: 'subnetwork',
      message: `expected one of ${workersIn}, where the workers are, got ${subnetIn ?? ''}`,
    });
  }
  if (network !== undefined && subnetwork !== undefined) {
    found.push({
      key: 'network',
      message: 'expected network or subnetwork, which names its network, got both',
    });
  }
  const keyIn = kmsKey === undefined ? region : KMS_KEY.exec(kmsKey)?.[1];
  if (keyIn !== region) {
    found.push({
      key: 'kmsKey',
      message: `expected a key in ${region}, the region of the job, got ${keyIn ?? ''}`,
    });
  }
  return found;
}
