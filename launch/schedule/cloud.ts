import { CloudSchedulerClient } from '@google-cloud/scheduler';
import { JobsClient } from '@google-cloud/run';
import type { CloudPlace, Schedule } from './definition.js';
import { jobName, parentOf, PREFIX, runJob, triggerJob } from './requests.js';

/** Of both clients: where the services are, and credentials. */
export type CloudOptions = ConstructorParameters<typeof CloudSchedulerClient>[0];

export interface ListedSchedule {
  readonly name: string;
  readonly cron: string;
  readonly timeZone: string;
  readonly state: string;
  /** ISO 8601; '' = never yet. */
  readonly lastAttempt: string;
}

type Place = Pick<CloudPlace, 'project' | 'region'>;

/** gRPC's status of what is not there. */
const NOT_FOUND = 5;

/** Schedules of one project and region: a Cloud Run job each, and a Cloud Scheduler job that starts it. */
export class CloudSchedules {
  readonly #run: JobsClient;
  readonly #scheduler: CloudSchedulerClient;

  constructor(options: CloudOptions = {}) {
    // Over REST: one way to the service, which a proxy lets through.
    const all = { fallback: true, ...options };
    this.#run = new JobsClient(all);
    this.#scheduler = new CloudSchedulerClient(all);
  }

  /** Makes the schedule be as it is defined, and run; whatever was there of that name is changed. */
  async create(place: CloudPlace, schedule: Schedule): Promise<'created' | 'updated'> {
    const name = jobName(place, schedule.name);
    const job = runJob(place, schedule);
    const trigger = triggerJob(place, schedule);
    const there = await ifFound(this.#run.getJob({ name }));
    const jobId = `${PREFIX}${schedule.name}`;
    // The job comes first: a trigger without one would fail.
    const [operation] =
      there === undefined
        ? await this.#run.createJob({ parent: parentOf(place), jobId, job })
        : await this.#run.updateJob({ job: { ...job, name } });
    await operation.promise();
    const [known] = (await ifFound(this.#scheduler.getJob({ name }))) ?? [];
    if (known === undefined) {
      await this.#scheduler.createJob({ parent: parentOf(place), job: trigger });
    } else {
      await this.#scheduler.updateJob({ job: trigger, updateMask: { paths: TRIGGER_FIELDS } });
      if (known.state === 'PAUSED') await this.#scheduler.resumeJob({ name });
    }
    return there === undefined && known === undefined ? 'created' : 'updated';
  }

  async list(place: Place): Promise<ListedSchedule[]> {
    const found: ListedSchedule[] = [];
    const prefix = `${parentOf(place)}/jobs/${PREFIX}`;
    for await (const job of this.#scheduler.listJobsAsync({ parent: parentOf(place) })) {
      if (job.name?.startsWith(prefix) !== true) continue;
      const seconds = Number(job.lastAttemptTime?.seconds ?? 0);
      found.push({
        name: job.name.slice(prefix.length),
        cron: job.schedule ?? '',
        timeZone: job.timeZone ?? '',
        state: String(job.state ?? '').toLowerCase(),
        lastAttempt: seconds === 0 ? '' : new Date(seconds * 1000).toISOString(),
      });
    }
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Nothing is started until the schedule is created again; a run that is under way goes on. */
  async pause(place: Place, name: string): Promise<void> {
    await this.#scheduler.pauseJob({ name: jobName(place, name) });
  }

  /** Removes trigger and job; what is gone already is no error. Returns whether there was any. */
  async delete(place: Place, name: string): Promise<boolean> {
    const full = { name: jobName(place, name) };
    const trigger = await ifFound(this.#scheduler.deleteJob(full));
    const removal = await ifFound(this.#run.deleteJob(full));
    await removal?.[0].promise();
    return trigger !== undefined || removal !== undefined;
  }

  async close(): Promise<void> {
    await Promise.all([this.#run.close(), this.#scheduler.close()]);
  }
}

const TRIGGER_FIELDS = [
  'description',
  'schedule',
  'time_zone',
  'attempt_deadline',
  'retry_config',
  'http_target',
];

async function ifFound<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    const { code, status } = error as { code?: unknown; status?: unknown };
    if (code === NOT_FOUND || code === 404 || status === 404) return undefined;
    throw error;
  }
}
