import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DataflowJob } from '../../launch/dataflow/job-body.js';

/** A request, as it came. */
export interface SeenRequest {
  readonly method: string;
  /** Below `/v1b3/projects/P/locations/R`. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
}

/** What the server does instead of answering: a status with a message, or no answer at all. */
export type Interception =
  | { readonly status: number; readonly message: string }
  /** The request is done, and its answer is lost. */
  | 'lose-answer'
  | undefined;

type StoredJob = DataflowJob & {
  id: string;
  currentState: string;
  currentStateTime: string;
  createTime: string;
  replacedByJobId?: string;
};

/** Jobs of one page: few, so that lists have several. */
const PAGE = 2;

const OVER = /_(DONE|FAILED|CANCELLED|UPDATED|DRAINED)$/;

/**
 * The part of the Dataflow REST API (v1b3, projects.locations.jobs) that flowsieve uses, on a port of
 * this machine. What it says of names, request ids and replacements is what the reference and the
 * official SDKs say; only the service itself can show that it is so.
 */
export class DataflowServer {
  readonly jobs: StoredJob[] = [];
  readonly requests: SeenRequest[] = [];
  intercept: (request: SeenRequest) => Interception = () => undefined;
  /** States that a new job goes through, one each time it is asked for; it stays in the last. */
  statesOf: (job: DataflowJob) => readonly string[] = ({ type }) =>
    type === 'JOB_TYPE_BATCH'
      ? ['JOB_STATE_PENDING', 'JOB_STATE_RUNNING', 'JOB_STATE_DONE']
      : ['JOB_STATE_PENDING', 'JOB_STATE_RUNNING'];
  messages: readonly string[] = [];
  readonly #coming = new Map<string, string[]>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        response.writeHead(500).end(String(error));
      });
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Requests of one method, such as POST. */
  seen(method: string): readonly SeenRequest[] {
    return this.requests.filter((request) => request.method === method);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
    const text = Buffer.concat(pieces).toString();
    const url = new URL(request.url ?? '/', this.endpoint);
    const path = /^\/v1b3\/projects\/[^/]+\/locations\/[^/]+(\/.*)$/.exec(url.pathname)?.[1];
    if (path === undefined) {
      json(response, 404, { error: { message: `no ${url.pathname}` } });
      return;
    }
    const seen: SeenRequest = {
      method: request.method ?? 'GET',
      path,
      query: url.searchParams,
      body: text === '' ? undefined : JSON.parse(text),
    };
    this.requests.push(seen);
    const interception = this.intercept(seen);
    if (typeof interception === 'object') {
      const { status, message } = interception;
      json(response, status, { error: { code: status, message } });
      return;
    }
    const [status, answer] = this.#do(seen);
    if (interception === 'lose-answer') request.socket.destroy();
    else json(response, status, answer);
  }

  #do({ method, path, query, body }: SeenRequest): [number, unknown] {
    if (path === '/jobs') {
      return method === 'POST' ? this.#create(body as DataflowJob) : [200, this.#list(query)];
    }
    const [, id, messages] = (/^\/jobs\/([^/]+)(\/messages)?$/.exec(path) ?? []) as readonly (
      string | undefined
    )[];
    const job = this.jobs.find((each) => each.id === id);
    if (job === undefined) return [404, { error: { code: 404, message: `no job ${id ?? ''}` } }];
    if (messages !== undefined) {
      const from = Number(query.get('pageToken') ?? 0);
      const more = from + 1 < this.messages.length ? { nextPageToken: String(from + 1) } : {};
      const jobMessages = this.messages
        .slice(from, from + 1)
        .map((messageText) => ({ messageText }));
      return [200, { jobMessages, ...more }];
    }
    if (method === 'PUT') {
      const { requestedState = '' } = body as DataflowJob;
      const between = requestedState === 'JOB_STATE_DRAINED' ? 'DRAINING' : 'CANCELLING';
      this.#coming.set(job.id, [`JOB_STATE_${between}`, requestedState]);
      return [200, job];
    }
    const next = this.#coming.get(job.id)?.shift();
    if (next !== undefined) job.currentState = next;
    const { environment, ...summary } = job;
    return [200, query.get('view') === 'JOB_VIEW_ALL' ? { ...summary, environment } : summary];
  }

  #create(sent: DataflowJob): [number, unknown] {
    const active = this.jobs.filter(
      ({ name, currentState }) => name === sent.name && !OVER.test(currentState),
    );
    const same = this.jobs.find(({ clientRequestId }) => clientRequestId === sent.clientRequestId);
    if (same !== undefined) return [200, same];
    const replaced = active.find(({ id }) => id === sent.replaceJobId);
    if (active.length > 0 && replaced === undefined) {
      const message = `(abc): The workflow could not be created. There is already an active job named ${sent.name ?? ''}.`;
      return [409, { error: { code: 409, message, status: 'ALREADY_EXISTS' } }];
    }
    const at = new Date(1_795_300_000_000 + this.jobs.length * 1000).toISOString();
    const id = `${at.slice(0, 10)}_00_00_00-${this.jobs.length + 1}`;
    const [currentState, ...coming] = this.statesOf(sent);
    const job: StoredJob = { ...sent, id, currentState, currentStateTime: at, createTime: at };
    this.jobs.push(job);
    this.#coming.set(id, coming);
    if (replaced !== undefined && !coming.includes('JOB_STATE_FAILED')) {
      replaced.currentState = 'JOB_STATE_UPDATED';
      replaced.replacedByJobId = id;
    }
    return [200, job];
  }

  #list(query: URLSearchParams): unknown {
    const filter = query.get('filter') ?? 'ALL';
    const jobs = [...this.jobs]
      .reverse()
      .filter(
        ({ currentState }) =>
          filter === 'ALL' || OVER.test(currentState) === (filter === 'TERMINATED'),
      )
      .map(({ environment: _, ...summary }) => summary);
    const from = Number(query.get('pageToken') ?? 0);
    const more = from + PAGE < jobs.length ? { nextPageToken: String(from + PAGE) } : {};
    return { jobs: jobs.slice(from, from + PAGE), ...more };
  }
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}
