import type { protos as runProtos } from '@google-cloud/run';
import type { protos as schedulerProtos } from '@google-cloud/scheduler';
import type { CloudPlace, Schedule } from './definition.js';

export type RunJob = runProtos.google.cloud.run.v2.IJob;
export type TriggerJob = schedulerProtos.google.cloud.scheduler.v1.IJob;

/** What marks the jobs that are ours. */
export const PREFIX = 'flowsieve-';

/** `projects/P/locations/R`. */
export function parentOf({ project, region }: Pick<CloudPlace, 'project' | 'region'>): string {
  return `projects/${project}/locations/${region}`;
}

/** Full name of both the Cloud Run job and its trigger. */
export function jobName(place: Pick<CloudPlace, 'project' | 'region'>, name: string): string {
  return `${parentOf(place)}/jobs/${PREFIX}${name}`;
}

/**
 * The Cloud Run job: one task, that is not tried again: a batch that failed half way is looked at, or
 * run again by the next time.
 */
export function runJob(place: CloudPlace, schedule: Schedule): RunJob {
  const { image, args, cpu, memory, mounts, timeoutSeconds } = schedule;
  return {
    labels: { 'managed-by': 'flowsieve', schedule: schedule.name },
    template: {
      taskCount: 1,
      parallelism: 1,
      template: {
        serviceAccount: place.serviceAccount,
        maxRetries: 0,
        timeout: { seconds: timeoutSeconds },
        containers: [
          {
            image,
            args: [...args],
            resources: { limits: { cpu, memory } },
            volumeMounts: mounts.map(({ path }, i) => ({
              name: `bucket-${i + 1}`,
              mountPath: path,
            })),
          },
        ],
        volumes: mounts.map(({ bucket }, i) => ({
          name: `bucket-${i + 1}`,
          gcs: { bucket, readOnly: true },
        })),
      },
    },
  };
}

/**
 * Its trigger. The arguments are the job's own and no override: then the account that starts it needs
 * only roles/run.invoker on the job.
 */
export function triggerJob(place: CloudPlace, schedule: Schedule): TriggerJob {
  const name = jobName(place, schedule.name);
  return {
    name,
    description: `flowsieve ${schedule.args.join(' ')}`.slice(0, 499),
    schedule: schedule.cron.text,
    timeZone: schedule.timeZone,
    attemptDeadline: { seconds: 180 },
    retryConfig: { retryCount: 3, minBackoffDuration: { seconds: 30 } },
    httpTarget: {
      uri: `https://run.googleapis.com/v2/${name}:run`,
      httpMethod: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: Buffer.from('{}').toString('base64'),
      oauthToken: {
        serviceAccountEmail: place.invoker ?? place.serviceAccount,
        scope: 'https://www.googleapis.com/auth/cloud-platform',
      },
    },
  };
}
