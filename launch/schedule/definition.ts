import { z } from 'zod';
import { parseGcsUri } from '../../history/gcs-uri.js';
import { parseCron, type Cron } from './cron.js';
import { dataflowSchema } from '../dataflow/options.js';

const { project, region, image, serviceAccount } = dataflowSchema.shape;

const NAME_EXPECTED = 'expected a name of lower-case letters, digits and dashes, at most 39';
const CRON_EXPECTED = 'expected five fields of cron, such as "0 3 * * *"';
const ZONE_EXPECTED = 'expected a time zone such as Etc/UTC or Europe/Berlin';
const MOUNT_EXPECTED = 'expected gs://BUCKET=/PATH';

function isTimeZone(text: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** A command of flowsieve that is run at certain times; all renderings are made from it. */
export const scheduleSchema = z
  .strictObject({
    name: z.string().regex(/^[a-z]([a-z0-9-]{0,37}[a-z0-9])?$/, { error: NAME_EXPECTED }),
    cron: z.string({ error: CRON_EXPECTED }).transform((text, context): Cron => {
      const cron = parseCron(text);
      if (cron !== undefined) return cron;
      context.addIssue({ code: 'custom', message: CRON_EXPECTED });
      return z.NEVER;
    }),
    timeZone: z.string().refine(isTimeZone, { error: ZONE_EXPECTED }).default('Etc/UTC'),
    /** Of flowsieve, without its name. */
    args: z
      .array(
        z
          .string()
          .refine((text) => !/[\p{Cc}]/u.test(text), { error: 'expected no control characters' }),
      )
      .min(1, { error: 'expected the command to run after --, such as -- run flowsieve.yaml' }),
    image,
    /** Buckets that the container sees as folders, read only: the configuration and feeds lie there. */
    mounts: z
      .array(
        z.string().transform((text, context): Mount => {
          const [, bucket = '', path = ''] = /^gs:\/\/([^/=]+)=(\/[\w./-]+)$/.exec(text) ?? [];
          if (parseGcsUri(`gs://${bucket}`) !== undefined && !/\/\.{1,2}(\/|$)|\/\//.test(path))
            return { bucket, path };
          context.addIssue({ code: 'custom', message: MOUNT_EXPECTED });
          return z.NEVER;
        }),
      )
      .default([]),
    cpu: z.enum(['1', '2', '4', '8'], { error: 'expected one of 1, 2, 4, 8' }).default('2'),
    memory: z
      .string()
      .regex(/^[1-9][0-9]{0,2}Gi$/, { error: 'expected an amount such as 4Gi' })
      .default('4Gi'),
    /** Seconds that a run may take. */
    timeoutSeconds: z
      .int({ error: 'expected a whole number of seconds' })
      .min(60, { error: 'expected at least 60 seconds' })
      .max(7 * 86_400, { error: 'expected at most seven days in seconds' })
      .default(86_400),
  })
  .readonly();

export interface Mount {
  readonly bucket: string;
  /** Absolute. */
  readonly path: string;
}

export type Schedule = z.infer<typeof scheduleSchema>;

/** Where a schedule lies on Google Cloud, and as whom it runs. */
export const cloudPlaceSchema = z
  .strictObject({
    project,
    region,
    /** The container runs as it. */
    serviceAccount: serviceAccount.unwrap(),
    /** Cloud Scheduler starts the container as it; default: the same. */
    invoker: serviceAccount,
  })
  .readonly();

export type CloudPlace = z.infer<typeof cloudPlaceSchema>;
