import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { isDynamicPattern } from 'tinyglobby';
import { planFilters, type FilterPlan, type PlannedFilters } from '../../filters/policies.js';
import { parseSuppressions, type Suppression } from '../../filters/suppression.js';
import { parseGcsUri } from '../../history/gcs-uri.js';
import { nameGlob } from '../../objects/name-glob.js';
import { hasScheme } from '../../objects/object-uri.js';
import { isRemote } from '../../reference/remote-uri.js';
import type { KafkaTime } from '../../pipeline/kafka-topic.js';
import type { FeedSpec, ReferenceSpec } from '../../reference/spec.js';
import { quoted } from '../terminal-text.js';
import {
  checkDataflow,
  type CheckedOptions,
  type DataflowFlags,
  type DataflowOptions,
} from '../dataflow/options.js';
import { checkRemoteSettings, defaultJobName, remoteInputs } from '../dataflow/places.js';
import { formatDuration } from './duration.js';
import { CheckedInputs, type InputKind } from './checked-inputs.js';
import { unusableOn, type Engine } from './engine-places.js';
import { inputFiles, locate, type InputLocation } from './input-uri.js';
import { problemAt, problemAtText, problemsOf, type Path, type Problem } from './problem.js';
import { configSchema, inputSchema, SETTINGS, type InputFormat, type Settings } from './schema.js';
import { parseSinkUri, SINK_EXPECTED, type SinkLocation } from './sink-uri.js';
import { parseYaml, readText, readYamlFile, unreadable, type YamlFile } from './yaml-file.js';

/** A configuration that was checked whole. Paths are absolute. */
export interface Config {
  /** The YAML file. */
  readonly file: string;
  readonly inputs: readonly InputConfig[];
  readonly reference: ReferenceConfig;
  /** In the order of the file; expired ones too. */
  readonly suppressions: readonly Suppression[];
  /** Their file; undefined where there is no such setting. */
  readonly suppressionsPath: string | undefined;
  /** Filters that run for somebody. */
  readonly filters: readonly FilterPlan[];
  /** Customers that have policies of their own. */
  readonly policyCustomers: readonly string[];
  readonly windowMs: number;
  /** A multiple of `windowMs`. */
  readonly findingWindowMs: number;
  /** Keys of the shuffle in a window. */
  readonly shards: number;
  /** Directory or gs://bucket/prefix of the history; undefined = none is kept. */
  readonly history: string | undefined;
  /** Directory; in batch also gs://bucket/prefix. */
  readonly output: string;
  /** Further places where findings go; each once. */
  readonly sinks: readonly SinkLocation[];
  /** Properties of the job's Kafka clients. */
  readonly kafkaProperties: Readonly<Record<string, string>>;
  /** Used only with --streaming. */
  readonly streaming: StreamingConfig;
  /** Where a job on Dataflow runs and with what; only of one that does. */
  readonly dataflow?: DataflowOptions;
  /** What suppressions expire against: --now, or when the configuration was loaded. */
  readonly nowMs: number;
}

export interface StreamingConfig {
  /** Directory. */
  readonly state: string;
  /** How long after a window's end its records are still taken. */
  readonly allowedLatenessMs: number;
  /** How often an open window fires; it backs off within a window. */
  readonly earlyFiringsMs: number;
  /** How far out of order the records of one exporter arrive. */
  readonly disorderMs: number;
  /** An exporter that was silent for so long holds back time no longer. */
  readonly idleMs: number;
  /** How long conversations are kept for indicators that come late; 0 = not at all. */
  readonly lookbackMs: number;
  /** How often the snapshot's `latest` is looked at. */
  readonly referenceEveryMs: number;
  /** What a stop may take. */
  readonly stopWithinMs: number;
}

export interface InputConfig {
  /** As the user wrote it. */
  readonly uri: string;
  readonly location: InputLocation;
  /**
   * In batch: what it stands for, sorted; at least one. In streaming none: they are followed. Of
   * objects their URI, as a glob: they are listed by the job.
   */
  readonly files: readonly string[];
  /** What the job lists again where `files` are all that match this glob. */
  readonly pattern?: string | undefined;
  /** `netflow` for what is received as such. */
  readonly format: InputFormat;
  /** '' = not known. */
  readonly sensor: string;
  /** 1 in N; 0 = not known. */
  readonly samplingRate: number;
  readonly unknownFlags: 'keep' | 'drop';
  /** Only of a Pub/Sub input: the attribute with the earliest event time in a message. */
  readonly timestampAttribute?: string | undefined;
  /** Only of a Pub/Sub input: the attribute that tells messages apart. */
  readonly idAttribute?: string | undefined;
  /** Only of a Kafka input. */
  readonly kafka?: KafkaInputConfig | undefined;
}

export interface KafkaInputConfig {
  /** Consumer group; undefined = offsets are only the engine's. */
  readonly group?: string | undefined;
  readonly from: 'earliest' | 'latest';
  readonly times: KafkaTime;
}

export interface ReferenceConfig {
  /** Feeds and customers, from which the snapshot is compiled; URIs relative to `baseDir`. */
  readonly spec: ReferenceSpec;
  /** Directory of the compiled form. */
  readonly snapshot: string;
}

/** What the command line says over the file. Relative paths are relative to the working directory. */
export interface Overrides {
  /** Replace the file's inputs; if that has exactly one, its settings hold for them. */
  readonly inputs?: readonly string[] | undefined;
  readonly output?: string | undefined;
  /** The command reads no flows: inputs are not looked for, and the result has none. */
  readonly withoutInputs?: boolean;
  /** The job runs without an end: inputs may be live, and files need not be there yet. */
  readonly streaming?: boolean;
  /** Inputs have placeholders of dates: what they stand for depends on the time, and the result has no files. */
  readonly dated?: boolean;
  /** What runs it without an end (default: `local`); `dataflow` says so where it is given. */
  readonly engine?: Exclude<Engine, 'dataflow'>;
  /** ISO 8601. */
  readonly now?: string | undefined;
  /**
   * The job runs on Dataflow with these flags over the setting `dataflow`: what its workers read and
   * write must be in Google Cloud.
   */
  readonly dataflow?: DataflowFlags | undefined;
}

export type ConfigResult =
  /** `warnings`: sentences on what is allowed and may not be meant. */
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Reads the configuration at `path` and checks all of it before anything runs. */
export async function loadConfig(path: string, overrides: Overrides = {}): Promise<ConfigResult> {
  const yaml = await readYamlFile(path, path);
  if (!yaml.ok) return yaml;
  const parsed = configSchema.safeParse(yaml.file.value);
  const check = new Check(yaml.file, dirname(resolve(path)));
  if (!parsed.success) {
    check.problems.push(...problemsOf(yaml.file, configSchema, parsed.error));
    // The filters have their own schemas: what is wrong there is told in the same go.
    check.filters(settingOf(yaml.file.value, 'filters'), settingOf(yaml.file.value, 'policies'));
    check.now(overrides.now);
    return { ok: false, problems: check.problems };
  }
  const settings = parsed.data;
  const streaming = overrides.streaming === true;
  const dataflow = overrides.dataflow && check.dataflow(settings, overrides.dataflow, streaming);
  const inputs =
    overrides.withoutInputs === true
      ? []
      : dataflow !== undefined
        ? check.remoteInputs(settings, overrides.inputs, streaming)
        : await check.inputs(settings, overrides.inputs, inputKind(overrides));
  await check.file(['customers'], settings.customers);
  const suppressions = await check.suppressions(settings.suppressions);
  await check.feeds(settings.reference.feeds);
  check.windows(settings);
  const filters = check.filters(settings.filters, settings.policies);
  if (filters.plan.length === 0 && check.problems.length === 0) check.noFilter();
  const output =
    dataflow === undefined
      ? await check.output(settings.output, overrides.output, inputs, streaming)
      : check.remoteOutput(settings, overrides.output);
  const state = check.resolve(settings.streaming.state);
  if (streaming && dataflow === undefined) await check.streaming(state, output, inputs);
  const sinks = check.sinks(settings.sinks, engineOf(overrides));
  const nowMs = check.now(overrides.now);
  if (check.problems.length > 0) return { ok: false, problems: check.problems };
  const config: Config = {
    file: resolve(path),
    inputs,
    reference: {
      spec: {
        feeds: settings.reference.feeds,
        customers: { uri: settings.customers },
        baseDir: dirname(resolve(path)),
      },
      snapshot: check.resolve(settings.reference.snapshot),
    },
    suppressions,
    suppressionsPath:
      settings.suppressions === undefined ? undefined : check.resolve(settings.suppressions),
    filters: filters.plan,
    policyCustomers: filters.customers,
    windowMs: settings.window,
    findingWindowMs: settings.findingWindow,
    shards: settings.shards,
    history: settings.history === false ? undefined : check.historyPlace(settings.history),
    output,
    sinks,
    kafkaProperties: settings.kafkaProperties,
    streaming: {
      state,
      allowedLatenessMs: settings.streaming.allowedLateness,
      earlyFiringsMs: settings.streaming.earlyFirings,
      disorderMs: settings.streaming.disorder,
      idleMs: settings.streaming.idle,
      lookbackMs: settings.streaming.lookback,
      referenceEveryMs: settings.streaming.referenceEvery,
      stopWithinMs: settings.streaming.stopWithin,
    },
    nowMs,
    ...(dataflow?.ok === true ? { dataflow: dataflow.options } : {}),
  };
  return { ok: true, config, warnings: warningsOf(config) };
}

/** What decides where the job reads and tells findings; undefined = nothing, as in batch. */
function engineOf({ streaming, engine = 'local', dataflow }: Overrides): Engine | undefined {
  if (dataflow !== undefined) return 'dataflow';
  return streaming === true ? engine : undefined;
}

function inputKind(overrides: Overrides): InputKind {
  return engineOf(overrides) ?? (overrides.dated === true ? 'dated' : 'files');
}

/** What is allowed and loses records where it was not meant. */
function warningsOf({ inputs, streaming }: Config): string[] {
  const lateness = formatDuration(streaming.allowedLatenessMs);
  const late =
    `so streaming.allowedLateness (${lateness}) must exceed the exporter's active time-out plus ` +
    'delivery, or records come too late and are dropped';
  const ofKafka = inputs
    .filter(({ location }) => location.kind === 'kafka')
    .map(({ uri }) => `${quoted(uri)}: the watermark follows the times of messages, ${late}`);
  const ofPubsub = inputs
    .filter(({ location, timestampAttribute }) => {
      return location.kind === 'pubsub' && timestampAttribute === undefined;
    })
    .map(
      ({ uri }) =>
        `${quoted(uri)} has no timestampAttribute: the watermark follows publish time, ${late}`,
    );
  return [...ofPubsub, ...ofKafka];
}

/** Files that a run writes into its output directory. */
const OUTPUT_FILES = [
  'findings.ndjson',
  'rejects.ndjson',
  'notices.ndjson',
  'summary.json',
] as const;

/** Collects what is wrong while the parts of a configuration are made. */
class Check {
  readonly problems: Problem[] = [];
  readonly #file: YamlFile;
  readonly #directory: string;

  constructor(file: YamlFile, directory: string) {
    this.#file = file;
    this.#directory = directory;
  }

  /** The setting `dataflow` with the flags over it, and what else a job there cannot do without. */
  dataflow(settings: Settings, flags: DataflowFlags, streaming: boolean): CheckedOptions {
    const jobName = defaultJobName(streaming);
    const checked = checkDataflow(this.#file, settings.dataflow, flags, { streaming, jobName });
    if (!checked.ok) this.problems.push(...checked.problems);
    const add = (path: Path, message: string): void => {
      this.#add(path, message);
    };
    checkRemoteSettings(settings, add);
    return checked;
  }

  remoteInputs(
    settings: Settings,
    replaced: readonly string[] | undefined,
    streaming: boolean,
  ): readonly InputConfig[] {
    const { inputs, problems } = remoteInputs(settings, replaced ?? [], streaming);
    for (const { index, message } of problems) {
      if (index === null) this.problems.push({ place: '--input', path: '', message });
      else this.#add(['inputs', ...(index < 0 ? [] : [index, 'uri'])], message);
    }
    return inputs;
  }

  remoteOutput(settings: Settings, override: string | undefined): string {
    const output = override ?? settings.output;
    if (parseGcsUri(output) !== undefined) return output.replace(/\/$/, '');
    const message = `expected gs://bucket/prefix, where workers can write, got ${quoted(output)}`;
    if (override === undefined) this.#add(['output'], message);
    else this.problems.push({ place: '--output', path: '', message });
    return output;
  }

  resolve(path: string): string {
    return resolve(this.#directory, path);
  }

  historyPlace(place: string): string {
    return hasScheme(place) ? place : this.resolve(place);
  }

  async inputs(
    settings: Settings,
    replaced: readonly string[] | undefined,
    kind: InputKind,
  ): Promise<readonly InputConfig[]> {
    const checked = new CheckedInputs(kind);
    if (replaced !== undefined && replaced.length > 0) {
      const defaults = settings.inputs.length === 1 ? settings.inputs[0] : undefined;
      for (const uri of replaced) {
        const input = { ...(defaults ?? inputSchema.parse({ uri })), uri };
        // What only the messages of the input that was replaced can have.
        const { timestampAttribute, idAttribute, kafka, ...others } = input;
        const live = {
          ...(uri.startsWith('pubsub://') ? { timestampAttribute, idAttribute } : {}),
          ...(uri.startsWith('kafka://') ? { kafka } : {}),
        };
        // The format of the files that a collector replaces.
        if (uri.startsWith('netflow://')) others.format = SETTINGS.format.default;
        const problem = (message: string): void => {
          this.problems.push({ place: '--input', path: '', message });
        };
        await checked.add({ ...others, ...live }, process.cwd(), '--input', (_key, message) => {
          problem(message);
        });
      }
      return checked.inputs;
    }
    if (settings.inputs.length === 0) {
      this.#add(['inputs'], 'expected at least one input, here or by --input, got none');
    }
    // One after the other, so that problems come in the order of the file.
    for (const [i, input] of settings.inputs.entries()) {
      await checked.add(input, this.#directory, `inputs[${i}]`, (key, message) => {
        this.#add(['inputs', i, key], message);
      });
    }
    return checked.inputs;
  }

  /** A file that must be there and readable. */
  async file(path: Path, named: string): Promise<void> {
    await this.#readable(path, this.resolve(named), false);
  }

  /** Files, folders and globs that must be there. */
  async feeds(specs: readonly FeedSpec[]): Promise<void> {
    for (const [i, { uri }] of specs.entries()) {
      if (isRemote(uri)) continue;
      const path = ['reference', 'feeds', i, 'uri'];
      const location = locate(uri, this.#directory);
      if (location.kind === 'file') {
        await this.#readable(path, location.path, true);
      } else if ((await inputFiles(location)).length === 0) {
        this.#add(path, `no file matches ${quoted(location.pattern)}`);
      }
    }
  }

  async #readable(path: Path, absolute: string, directoryToo: boolean): Promise<void> {
    try {
      await access(absolute, constants.R_OK);
      if (directoryToo || !(await stat(absolute)).isDirectory()) return;
      this.#add(path, `${quoted(absolute)}: it is a directory, not a file`);
    } catch (error) {
      this.#add(path, `${quoted(absolute)}: ${unreadable(error)}`);
    }
  }

  windows({ window, findingWindow }: Settings): void {
    if (findingWindow % window === 0) return;
    const expected = `expected a multiple of window (${formatDuration(window)})`;
    this.#add(['findingWindow'], `${expected}, got ${formatDuration(findingWindow)}`);
  }

  filters(filters: unknown, policies: unknown): PlannedFilters {
    const planned = planFilters(filters, policies);
    for (const { path, message } of planned.problems) {
      this.problems.push(problemAtText(this.#file, path, message));
    }
    return planned;
  }

  noFilter(): void {
    this.#add(['filters'], 'expected a filter that is enabled for somebody, got none');
  }

  /** Entries of the suppressions file; none where there is no such setting. */
  async suppressions(named: string | undefined): Promise<readonly Suppression[]> {
    if (named === undefined) return [];
    const path = this.resolve(named);
    const name = shownPath(path);
    const read = await readText(path, name);
    if (!read.ok) {
      // The setting is at fault, not the file that it should name.
      this.#add(['suppressions'], `${quoted(path)}: ${read.problems[0].message}`);
      return [];
    }
    const yaml = parseYaml(read.text, name);
    if (!yaml.ok) {
      this.problems.push(...yaml.problems);
      return [];
    }
    const { entries, problems } = parseSuppressions(read.text);
    for (const { path: at, message } of problems) {
      this.problems.push(problemAtText(yaml.file, at, message));
    }
    return entries;
  }

  async output(
    inFile: string,
    override: string | undefined,
    inputs: readonly InputConfig[],
    streaming: boolean,
  ): Promise<string> {
    const problem = (message: string): void => {
      if (override === undefined) this.#add(['output'], message);
      else this.problems.push({ place: '--output', path: '', message });
    };
    const named = override ?? inFile;
    if (hasScheme(named)) {
      const message = bucketProblem(named, inputs, streaming);
      if (message !== undefined) problem(message);
      return named;
    }
    const output = override === undefined ? this.resolve(inFile) : resolve(override);
    const stats = await stat(output).catch(() => undefined);
    if (stats !== undefined && !stats.isDirectory()) {
      problem(`expected a directory, got the file ${quoted(output)}`);
    }
    const written = OUTPUT_FILES.map((name) => join(output, name));
    const lost = inputs.flatMap(({ files }) => files).find((file) => written.includes(file));
    if (lost !== undefined) problem(`the input ${quoted(lost)} would be overwritten`);
    return output;
  }

  /** The state must have a directory of its own, and nothing may be followed that is written here. */
  async streaming(state: string, output: string, inputs: readonly InputConfig[]): Promise<void> {
    const path = ['streaming', 'state'];
    const stats = await stat(state).catch(() => undefined);
    if (stats !== undefined && !stats.isDirectory()) {
      this.#add(path, `expected a directory, got the file ${quoted(state)}`);
    }
    if (state === output) {
      this.#add(path, `expected a directory of its own, got the output's ${quoted(state)}`);
    }
    for (const { location } of inputs) {
      const followed = followedFolder(location);
      if (followed === undefined) continue;
      for (const [setting, written] of [
        ['output', output],
        ['streaming.state', state],
      ] as const) {
        if (followed !== written && !followed.startsWith(`${written}/`)) continue;
        const message = `expected a directory that is not followed, got ${quoted(written)}, which holds the input ${quoted(followed)}`;
        this.#add(setting.split('.'), message);
      }
    }
  }

  /** `engine` = what runs a job without an end; a batch job uses no sinks. */
  sinks(uris: readonly string[], engine: Engine | undefined): readonly SinkLocation[] {
    const sinks: SinkLocation[] = [];
    for (const [i, uri] of uris.entries()) {
      const sink = parseSinkUri(uri);
      if (sink === undefined) {
        this.#add(['sinks', i], `${SINK_EXPECTED}, got ${quoted(uri)}`);
      } else if (uris.indexOf(uri) < i) {
        this.#add(['sinks', i], `expected each sink once, got ${quoted(uri)} again`);
      } else {
        const why = engine === undefined ? undefined : unusableOn(engine, 'sinks', sink.kind);
        if (why !== undefined) this.#add(['sinks', i], `${why}; got ${quoted(uri)}`);
        sinks.push(sink);
      }
    }
    return sinks;
  }

  now(text: string | undefined): number {
    if (text === undefined) return Date.now();
    const ms = timeMs(text);
    if (ms === undefined) {
      const message = `expected a time such as 2026-01-31T12:00:00Z, got ${quoted(text)}`;
      this.problems.push({ place: '--now', path: '', message });
    }
    return ms ?? 0;
  }

  #add(path: Path, message: string): void {
    this.problems.push(problemAt(this.#file, path, message));
  }
}

/** What is wrong with an output that is no directory of this machine. */
function bucketProblem(
  output: string,
  inputs: readonly InputConfig[],
  streaming: boolean,
): string | undefined {
  const place = parseGcsUri(output);
  if (place === undefined) {
    return `expected a directory, or gs://bucket/prefix, got ${quoted(output)}`;
  }
  if (streaming) {
    return `expected a directory, got ${quoted(output)}: objects are written only without --streaming`;
  }
  for (const { location } of inputs) {
    if (location.kind !== 'object' || location.place.bucket !== place.bucket) continue;
    const { matches } = nameGlob(location.place.name);
    const lost = OUTPUT_FILES.map((name) => `${place.prefix}${name}`).find(matches);
    if (lost !== undefined) {
      return `the input ${quoted(`gs://${place.bucket}/${lost}`)} would be overwritten`;
    }
  }
  return undefined;
}

/** A day (UTC), or a time that names its zone: without one it would mean another instant elsewhere. */
const ISO_TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/;

function timeMs(text: string): number | undefined {
  const ms = ISO_TIME.test(text) ? Date.parse(text) : NaN;
  const dayMs = Date.parse(text.slice(0, 10));
  // Date.parse takes 2026-02-31 for the third of March.
  const sound = !Number.isNaN(ms) && new Date(dayMs).toISOString().startsWith(text.slice(0, 10));
  return sound ? ms : undefined;
}

/** The folder that a followed folder or glob begins in. */
function followedFolder(location: InputLocation): string | undefined {
  if (location.kind === 'directory') return location.path;
  if (location.kind !== 'glob') return undefined;
  const parts = location.pattern.split('/');
  const fixed = parts.findIndex((part) => isDynamicPattern(part));
  return parts.slice(0, fixed < 0 ? -1 : fixed).join('/');
}

/** The setting `key` of a file that failed its check; undefined where there is none. */
function settingOf(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return (value as Readonly<Record<string, unknown>>)[key];
}

/** A path as short as it can be told: relative to the working directory, if it lies below that. */
function shownPath(path: string): string {
  const shown = relative(process.cwd(), path);
  return shown === '' || shown.startsWith('..') ? path : shown;
}
