import { z } from 'zod';
import { parseGcsUri } from '../../history/gcs-uri.js';
import { hasScheme } from '../../objects/object-uri.js';
import { feedSpecsSchema } from '../../reference/spec.js';
import { KAFKA_TIMES } from '../../pipeline/kafka-topic.js';
import { formatDuration, parseDuration } from './duration.js';
import { SINK_EXPECTED } from './sink-uri.js';

/** Formats that can be named instead of detected. */
export const INPUT_FORMATS = [
  'auto',
  'csv',
  'goflow2',
  'nfcapd',
  'zeek',
  'argus',
  'netflow',
] as const;
export type InputFormat = (typeof INPUT_FORMATS)[number];

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Default and range of every setting that has one; `docs/configuration.md` prints them. */
export const SETTINGS = {
  windowMs: { default: 5 * MINUTE, min: SECOND, max: DAY },
  findingWindowMs: { default: DAY, min: SECOND, max: 31 * DAY },
  /** Keys of the one big shuffle: 8 hold some four million conversations a window on one machine. */
  shards: { default: 8, min: 1, max: 1024 },
  /** 1 in N packets; 0 = not known. The column is 32 bits wide. */
  samplingRate: { default: 0, min: 0, max: 0xffffffff },
  unknownFlags: { default: 'drop' },
  format: { default: 'auto' },
  output: { default: 'out' },
  snapshot: { default: 'snapshot' },
  history: { default: 'history' },
  state: { default: 'state' },
  /** What an exporter's active time-out and the way here take; a window's state is kept so long. */
  allowedLatenessMs: { default: HOUR, min: 0, max: 7 * DAY },
  earlyFiringsMs: { default: 5 * SECOND, min: SECOND, max: HOUR },
  disorderMs: { default: MINUTE, min: 0, max: DAY },
  idleMs: { default: 10 * MINUTE, min: SECOND, max: DAY },
  /** 0 = no conversations are kept. */
  lookbackMs: { default: DAY, min: 0, max: 7 * DAY },
  referenceEveryMs: { default: 2 * SECOND, min: SECOND, max: HOUR },
  kafkaFrom: { default: 'earliest' },
  kafkaTimes: { default: 'create' },
  stopWithinMs: { default: 30 * SECOND, min: SECOND, max: 10 * MINUTE },
} as const;

function duration(range: { readonly default: number; readonly min: number; readonly max: number }) {
  const expected = `expected a duration from ${formatDuration(range.min)} to ${formatDuration(range.max)}, such as 30s, 5m, 1h or 1d`;
  // Zero needs no unit.
  const zero = range.min === 0 ? [z.literal(0)] : [];
  return z
    .union([z.string({ error: expected }), ...zero], { error: expected })
    .transform((text, context) => {
      const ms = text === 0 ? 0 : parseDuration(text);
      if (ms !== undefined && ms >= range.min && ms <= range.max) return ms;
      context.addIssue({ code: 'custom', message: expected });
      return z.NEVER;
    })
    .default(range.default);
}

function wholeNumber(range: {
  readonly default: number;
  readonly min: number;
  readonly max: number;
}) {
  const error = `expected a whole number from ${range.min} to ${range.max}`;
  return z.int({ error }).min(range.min, error).max(range.max, error).default(range.default);
}

function path(what: string) {
  const error = `expected the path of ${what}`;
  return z
    .string({ error })
    .min(1, error)
    .refine((text) => !text.includes('\0'), { error });
}

const HISTORY_EXPECTED =
  'expected the path of a directory for the history, gs://bucket/prefix, or false';

/** A URL of another kind would be taken for a directory of that name. */
function historyPlace() {
  return path('a directory for the history, or false').refine(
    (text) => !hasScheme(text) || parseGcsUri(text) !== undefined,
    { error: HISTORY_EXPECTED },
  );
}

const KAFKA_PROPERTY_EXPECTED =
  "expected a text; a number or a truth value wants quotes, such as '500'";

function attribute() {
  const error = 'expected the name of a message attribute, 1 to 256 bytes';
  return z
    .string({ error })
    .min(1, error)
    .refine((text) => Buffer.byteLength(text) <= 256, { error })
    .optional();
}

function kafkaGroup() {
  const error = 'expected the name of a consumer group, 1 to 255 characters';
  return z.string({ error }).min(1, error).max(255, error).optional();
}

export const inputSchema = z.strictObject({
  /** What `parseInputUri` reads. */
  uri: path('an input: a file, a glob, or a URL'),
  format: z.enum(INPUT_FORMATS).default(SETTINGS.format.default),
  /** Names the sensor of records that do not say; '' = not known. */
  sensor: z
    .string({ error: 'expected the name of a sensor, 1 to 255 characters' })
    .min(1, 'expected the name of a sensor, 1 to 255 characters')
    .max(255, 'expected the name of a sensor, 1 to 255 characters')
    .optional(),
  /** Of records that do not say. */
  samplingRate: wholeNumber(SETTINGS.samplingRate),
  /** What becomes of TCP records without flags and without other evidence of a connection. */
  unknownFlags: z.enum(['keep', 'drop']).default(SETTINGS.unknownFlags.default),
  /** Of a Pub/Sub message: the earliest event time in it, ms since 1970 UTC or RFC 3339. */
  timestampAttribute: attribute(),
  /** Of a Pub/Sub message: what is equal where a message was published twice. */
  idAttribute: attribute(),
  /** Of a Kafka topic. */
  kafka: z
    .strictObject(
      {
        group: kafkaGroup(),
        from: z.enum(['earliest', 'latest']).default(SETTINGS.kafkaFrom.default),
        times: z.enum(KAFKA_TIMES).default(SETTINGS.kafkaTimes.default),
      },
      { error: 'expected a mapping of group, from and times' },
    )
    .optional(),
});

/** The file itself; what only another file or another setting can contradict is checked in config.ts. */
export const configSchema = z.strictObject(
  {
    customers: path('a file of customers (customer,cidr[,exclusive])'),
    inputs: z.array(inputSchema, { error: 'expected a list of inputs' }).default([]),
    reference: z
      .strictObject(
        {
          feeds: feedSpecsSchema.default([]),
          snapshot: path('a directory for the compiled snapshot').default(
            SETTINGS.snapshot.default,
          ),
        },
        { error: 'expected a mapping of feeds and snapshot' },
      )
      .prefault({}),
    suppressions: path('a file of suppressions').optional(),
    /** Both are checked by the filters' own schemas. */
    policies: z.unknown().optional(),
    filters: z.unknown().optional(),
    window: duration(SETTINGS.windowMs),
    findingWindow: duration(SETTINGS.findingWindowMs),
    shards: wholeNumber(SETTINGS.shards),
    history: z
      .union([historyPlace(), z.literal(false)], { error: HISTORY_EXPECTED })
      .default(SETTINGS.history.default),
    output: path('a directory').default(SETTINGS.output.default),
    streaming: z
      .strictObject(
        {
          state: path('a directory for the state').default(SETTINGS.state.default),
          allowedLateness: duration(SETTINGS.allowedLatenessMs),
          earlyFirings: duration(SETTINGS.earlyFiringsMs),
          disorder: duration(SETTINGS.disorderMs),
          idle: duration(SETTINGS.idleMs),
          lookback: duration(SETTINGS.lookbackMs),
          referenceEvery: duration(SETTINGS.referenceEveryMs),
          stopWithin: duration(SETTINGS.stopWithinMs),
        },
        { error: 'expected a mapping of settings for --streaming' },
      )
      .prefault({}),
    /** Checked by `checkDataflow`, where a job runs there. */
    dataflow: z.unknown().optional(),
    /** For all Kafka clients of the job, as Kafka names them. */
    kafkaProperties: z
      .record(z.string(), z.string({ error: KAFKA_PROPERTY_EXPECTED }), {
        error: 'expected a mapping of properties of Kafka clients',
      })
      .default({}),
    /** What `parseSinkUri` reads. */
    sinks: z
      .array(z.string({ error: SINK_EXPECTED }), { error: 'expected a list of sinks' })
      .default([]),
  },
  { error: 'expected a mapping of settings' },
);

export type Settings = z.infer<typeof configSchema>;
