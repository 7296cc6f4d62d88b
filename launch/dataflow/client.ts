import type { AuthClient } from 'google-auth-library';
import type { DataflowJob } from './job-body.js';
import type { DataflowOptions } from './options.js';

/** The service answered that it will not, or did not answer. */
export class DataflowError extends Error {
  override readonly name = 'DataflowError';
  /** HTTP status; undefined where there was no answer. */
  readonly status: number | undefined;

  constructor(doing: string, cause: unknown) {
    const { status } = (cause as { response?: { status?: number } }).response ?? {};
    const advice = status === undefined ? undefined : ADVICE[status];
    const told = `${doing}: ${answerOf(cause)}`;
    super(advice === undefined ? told : `${told}; ${advice}`, { cause });
    this.status = status;
  }
}

const ADVICE: Readonly<Record<number, string>> = {
  401: 'get credentials by "gcloud auth application-default login", or run as a service account',
  403: 'the account needs roles/dataflow.developer, and roles/iam.serviceAccountUser on the account of the workers; the Dataflow API must be enabled',
};

const MOST_SHOWN = 1000;

/** What the service said, without control characters. */
function answerOf(cause: unknown): string {
  const { response, message } = cause as { response?: { data?: unknown }; message?: string };
  const { error } = (response?.data ?? {}) as { error?: { message?: string } };
  const text = error?.message ?? message ?? String(cause);
  return text.replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ').slice(0, MOST_SHOWN);
}

/** Times that a request is sent again, waiting longer each time. */
const RETRIES = 6;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;

/** A request that gets no answer for so long failed. */
const SILENCE_MS = 60_000;

export interface ClientSettings {
  /** For tests: first wait before a request is sent again. */
  readonly waitMs?: number;
}

export interface JobMessage {
  readonly time?: string;
  readonly messageText?: string;
  readonly messageImportance?: string;
}

/**
 * Jobs of one project and region by the service's REST API (v1b3). Requests that failed for want of an
 * answer, or that the service asks to send again (408, 429, 5xx), are sent again; that is safe for all
 * of them, because a job is created under a request id of its own.
 */
export class DataflowClient {
  readonly #options: Pick<DataflowOptions, 'project' | 'region' | 'endpoint'>;
  readonly #waitMs: number;
  #auth: Promise<AuthClient> | undefined;

  constructor(
    options: Pick<DataflowOptions, 'project' | 'region' | 'endpoint'>,
    { waitMs = FIRST_WAIT_MS }: ClientSettings = {},
  ) {
    this.#options = options;
    this.#waitMs = waitMs;
  }

  /** Creates a job; its answer is the job as the service knows it, which may be another's. */
  create(job: DataflowJob): Promise<DataflowJob> {
    return this.#ask(`creating job ${job.name ?? ''}`, 'POST', '', {}, job);
  }

  /** A job; `all`: with its environment. */
  get(id: string, { all = false }: { readonly all?: boolean } = {}): Promise<DataflowJob> {
    const view = all ? 'JOB_VIEW_ALL' : 'JOB_VIEW_SUMMARY';
    return this.#ask(`asking for job ${id}`, 'GET', `/${encodeURIComponent(id)}`, { view });
  }

  /** Jobs, the newest first, page by page. */
  async *list(filter: 'ACTIVE' | 'TERMINATED' | 'ALL'): AsyncGenerator<DataflowJob> {
    for (let pageToken = ''; ;) {
      const query = pageToken === '' ? { filter } : { filter, pageToken };
      const page = await this.#ask<{ jobs?: DataflowJob[]; nextPageToken?: string }>(
        'listing jobs',
        'GET',
        '',
        query,
      );
      yield* page.jobs ?? [];
      pageToken = page.nextPageToken ?? '';
      if (pageToken === '') return;
    }
  }

  /** The job of this name that is at work or waits to be; undefined where there is none. */
  async active(name: string): Promise<(DataflowJob & { readonly id: string }) | undefined> {
    for await (const job of this.list('ACTIVE')) {
      if (job.name === name && job.id !== undefined) return { ...job, id: job.id };
    }
    return undefined;
  }

  /** Asks for a state: JOB_STATE_DRAINED or JOB_STATE_CANCELLED. */
  async request(id: string, requestedState: string): Promise<void> {
    const path = `/${encodeURIComponent(id)}`;
    await this.#ask(`asking job ${id} for ${requestedState}`, 'PUT', path, {}, { requestedState });
  }

  /** What the service said of a job: errors, the oldest first. */
  async errors(id: string): Promise<readonly JobMessage[]> {
    const found: JobMessage[] = [];
    for (let pageToken = ''; ;) {
      const query = { minimumImportance: 'JOB_MESSAGE_ERROR', ...(pageToken && { pageToken }) };
      const page = await this.#ask<{ jobMessages?: JobMessage[]; nextPageToken?: string }>(
        `asking for messages of job ${id}`,
        'GET',
        `/${encodeURIComponent(id)}/messages`,
        query,
      );
      found.push(...(page.jobMessages ?? []));
      pageToken = page.nextPageToken ?? '';
      if (pageToken === '') return found;
    }
  }

  async #ask<Answer>(
    doing: string,
    method: 'GET' | 'POST' | 'PUT',
    path: string,
    query: Readonly<Record<string, string>>,
    body?: unknown,
  ): Promise<Answer> {
    const { project, region, endpoint } = this.#options;
    const base = `${endpoint.replace(/\/$/, '')}/v1b3/projects/${encodeURIComponent(project)}`;
    const url = new URL(`${base}/locations/${encodeURIComponent(region)}/jobs${path}`);
    for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
    try {
      const client = await (this.#auth ??= this.#connect());
      const answer = await client.request<Answer>({
        url: url.href,
        method,
        responseType: 'json',
        timeout: SILENCE_MS,
        ...(body === undefined ? {} : { data: body }),
        retryConfig: {
          retry: RETRIES,
          noResponseRetries: RETRIES,
          retryDelay: this.#waitMs,
          maxRetryDelay: LONGEST_WAIT_MS,
          httpMethodsToRetry: ['GET', 'POST', 'PUT'],
          statusCodesToRetry: [
            [408, 408],
            [429, 429],
            [500, 599],
          ],
        },
      });
      return answer.data;
    } catch (error) {
      throw new DataflowError(doing, error);
    }
  }

  async #connect(): Promise<AuthClient> {
    const { GoogleAuth, PassThroughClient } = await import('google-auth-library');
    // Nobody's credentials go over plain HTTP: that is a stand-in on this machine.
    if (this.#options.endpoint.startsWith('http:')) return new PassThroughClient();
    const auth = new GoogleAuth({ scopes: ['https://www.googleapis.com/auth/cloud-platform'] });
    return auth.getClient();
  }
}
