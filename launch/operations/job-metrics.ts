import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { BoundedLabels } from './bounded-labels.js';
import type { JobCounters } from './job-counters.js';
import type { LatencyHistogram } from './latency.js';
import type { StreamStatus } from './stream-status.js';

/** Label sets of one metric; what is more is `other`. */
const MAX_LABEL_SETS = 1000;

/** Seconds from a flow's arrival to its first finding. */
const LATENCY_BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600];

/**
 * Counters of the job that are metrics, by the beginning of their name; the longest that fits
 * counts. What follows it are the labels: one, or two with a slash between them.
 */
const COUNTERS = [
  ['records/', 'records', ['format'], 'Flow records decoded'],
  ['rejects/', 'rejects', ['format', 'reason'], 'Records and files that could not be used'],
  ['dropped/', 'dropped', ['step', 'reason'], 'What a step left out, by its reason'],
  ['dropped/late/', 'late_dropped', ['step'], 'What came after the allowed lateness'],
  ['dropped/udp/', 'udp_dropped', ['reason'], 'Datagrams that came and could not be taken'],
  ['lost/udp/', 'udp_lost', ['by'], 'What exporters sent and never came'],
  ['evicted/udp/', 'udp_evicted', ['what'], 'Exporters and templates beyond what is remembered'],
  ['pubsub/', 'pubsub', ['event'], 'Messages, duplicates, reconnects, failures of a subscription'],
  ['conversations/', 'conversations', ['grade'], 'Conversations by evidence of a connection'],
  ['findings/', 'findings', ['filter'], 'Findings after suppression'],
  ['withdrawals/', 'withdrawals', ['sink', 'filter'], 'Findings that later records undid'],
  ['reference/', 'reference', ['event'], 'Snapshots that were taken up (delivered) or unusable'],
  ['suppressions/', 'suppressions', ['event'], 'Contents of the file, delivered or unusable'],
] as const satisfies readonly (readonly [string, string, readonly string[], string])[];

const LONGEST_PREFIX_FIRST = COUNTERS.map(([prefix]) => prefix).sort((a, b) => b.length - a.length);

/**
 * What a streaming job says of itself as Prometheus metrics, in a registry of its own. A scrape sets
 * all of them from one status, so that they fit each other.
 */
export class JobMetrics {
  readonly #registry = new Registry();
  readonly #counters: ReadonlyMap<string, Family>;
  readonly #lag = this.#gauge('watermark_lag_seconds', ['source'], 'Now less the watermark', max);
  readonly #exporters = this.#gauge('exporters', ['source'], 'Exporters that hold the watermark');
  readonly #elements = this.#gauge('waiting_elements', ['source'], 'Delivered, not yet taken up');
  readonly #bytes = this.#gauge('waiting_bytes', ['source'], 'Memory of what waits');
  readonly #stateBytes = this.#gauge('state_bytes', [], 'State on disk, about');
  readonly #groups = this.#gauge('open_groups', [], 'Groups (key and window) that are open');
  readonly #commits = this.#counter('commits', [], 'Synced commits of the state');
  readonly #reference = this.#gauge('reference_info', ['version'], 'Snapshot in use', max);
  readonly #feeds = this.#gauge('feed_age_seconds', ['feed'], 'Since a feed was fetched', max);
  readonly #ready = this.#gauge('ready', [], '1 while it takes in and commits');

  /** `latency` feeds the histogram of what it observes from now on. */
  constructor(latency: LatencyHistogram | undefined) {
    this.#counters = new Map(
      COUNTERS.map(([prefix, name, labels, help]) => [prefix, this.#counter(name, labels, help)]),
    );
    const histogram = new Histogram({
      name: 'flowsieve_finding_latency_seconds',
      help: 'From the arrival of a flow until its first finding was written',
      buckets: LATENCY_BUCKETS,
      registers: [this.#registry],
    });
    latency?.onObserve((ms) => histogram.observe(ms / 1000));
    collectDefaultMetrics({ register: this.#registry });
  }

  /** Media type of the text. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All metrics in Prometheus' text format, 0.0.4. */
  async text(status: StreamStatus, nowMs: number): Promise<string> {
    this.#set(status, nowMs);
    return this.#registry.metrics();
  }

  #set({ ready, counters, sources, state, references }: StreamStatus, nowMs: number): void {
    const samples = samplesOf(counters);
    for (const [prefix, family] of this.#counters) family.set(samples.get(prefix) ?? []);
    this.#lag.set(
      sources.flatMap(({ name, watermarkMs }) =>
        watermarkMs === null ? [] : [[[name], (nowMs - watermarkMs) / 1000]],
      ),
    );
    this.#exporters.set(sources.map(({ name, exporters }) => [[name], exporters]));
    this.#elements.set(sources.map(({ name, waitingElements: n }) => [[name], n]));
    this.#bytes.set(sources.map(({ name, waitingBytes: n }) => [[name], n]));
    this.#stateBytes.set([[[], state.bytes]]);
    this.#groups.set([[[], state.groups]]);
    this.#commits.set([[[], state.commits]]);
    this.#reference.set(references.map(({ version }) => [[version], 1]));
    this.#feeds.set(
      references
        .flatMap(({ feeds }) => feeds)
        .map(({ name, fetchedMs }) => [[name], (nowMs - fetchedMs) / 1000]),
    );
    this.#ready.set([[[], ready ? 1 : 0]]);
  }

  #counter(name: string, labelNames: readonly string[], help: string): Family {
    const metric = new Counter({
      name: `flowsieve_${name}_total`,
      help,
      labelNames,
      registers: [this.#registry],
    });
    return new Family(metric, labelNames, add);
  }

  #gauge(name: string, labelNames: readonly string[], help: string, merge: Merge = add): Family {
    const metric = new Gauge({
      name: `flowsieve_${name}`,
      help,
      labelNames,
      registers: [this.#registry],
    });
    return new Family(metric, labelNames, merge);
  }
}

/** Values of the labels, and the number. */
type Sample = readonly [labels: readonly string[], value: number];

/** The number of a label set that several samples have. */
type Merge = (a: number, b: number) => number;

const add: Merge = (a, b) => a + b;
const max: Merge = (a, b) => Math.max(a, b);

/** A metric whose values are all set anew. */
class Family {
  readonly #metric: Counter | Gauge;
  readonly #labelNames: readonly string[];
  readonly #merge: Merge;
  readonly #bounded = new BoundedLabels(MAX_LABEL_SETS);

  constructor(metric: Counter | Gauge, labelNames: readonly string[], merge: Merge) {
    this.#metric = metric;
    this.#labelNames = labelNames;
    this.#merge = merge;
  }

  /** Numbers that are not finite are left out. */
  set(samples: readonly Sample[]): void {
    const values = new Map<string, Sample>();
    for (const [given, value] of samples) {
      if (!Number.isFinite(value)) continue;
      const labels = this.#bounded.admit(given);
      const key = JSON.stringify(labels);
      const before = values.get(key);
      values.set(key, [labels, before === undefined ? value : this.#merge(before[1], value)]);
    }
    this.#metric.reset();
    for (const [labels, value] of values.values()) {
      this.#metric.inc(
        Object.fromEntries(this.#labelNames.map((name, i) => [name, labels[i]])),
        value,
      );
    }
  }
}

/** The job's counters as samples, by the prefix of their metric. Those without a metric are left out. */
function samplesOf(counters: JobCounters): ReadonlyMap<string, readonly Sample[]> {
  const samples = new Map<string, Sample[]>(COUNTERS.map(([prefix]) => [prefix, []]));
  const labelsOf = new Map<string, number>(COUNTERS.map(([p, , names]) => [p, names.length]));
  for (const [name, value] of counters) {
    // A counter only grows.
    if (value < 0) continue;
    const prefix = LONGEST_PREFIX_FIRST.find((beginning) => name.startsWith(beginning));
    if (prefix === undefined) continue;
    const rest = name.slice(prefix.length);
    samples.get(prefix)?.push([cut(rest, labelsOf.get(prefix) ?? 1), value]);
  }
  return samples;
}

/** `text` cut at its first slash into `parts` (one or two); '' where it has no slash. */
function cut(text: string, parts: number): string[] {
  if (parts === 1) return [text];
  const slash = text.indexOf('/');
  if (slash === -1) return [text, ''];
  const first = text.slice(0, slash);
  const second = text.slice(slash + 1);
  return [first, first === 'drop-shared' ? withoutCustomer(second) : second];
}

/** `clouds (acme)` -> `clouds`: `drop-shared` counts by customer, which would be a series for each. */
function withoutCustomer(reason: string): string {
  const at = reason.indexOf(' (');
  return at === -1 ? reason : reason.slice(0, at);
}
