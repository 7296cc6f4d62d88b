import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLogger } from '../log.js';
import { JobMetrics } from './job-metrics.js';
import type { LatencyHistogram } from './latency.js';
import { formatListenAddress, parseListenAddress, type ListenAddress } from './listen-address.js';
import type { StreamStatus } from './stream-status.js';

export interface OperationsOptions {
  /** What the histogram of finding latency shows. */
  readonly latency?: LatencyHistogram;
  /** Why the job cannot go on, a sentence; undefined while it can. */
  readonly failure?: () => string | undefined;
  /** Ms since 1970 UTC. */
  readonly clock?: () => number;
  /** Connections at once; what is more is closed. */
  readonly maxConnections?: number;
}

export interface OperationsServer {
  /** Where it listens in fact. */
  readonly address: ListenAddress;
  /** Stops listening and ends what is open. */
  close(): Promise<void>;
}

/** A scraper, a probe and a person need few. */
const MAX_CONNECTIONS = 64;

/** Whoever holds a connection and says or reads nothing gives it up, ms. */
const LIMITS: ServerOptions = {
  headersTimeout: 5000,
  requestTimeout: 10_000,
  keepAliveTimeout: 1000,
  connectionsCheckingInterval: 1000,
  maxHeaderSize: 8192,
};
const IDLE_MS = 30_000;

const TEXT = 'text/plain; charset=utf-8';

interface Reply {
  readonly code: number;
  readonly body: string;
  readonly type?: string;
}

/**
 * Serves `/metrics`, `/healthz` and `/readyz` on `address` (`HOST:PORT`, IPv6 in brackets). Throws a
 * RangeError for what is no address, an Error that names it where it cannot listen there. Nothing
 * that a request holds is read but its method and path.
 */
export async function serveOperations(
  address: string,
  status: () => StreamStatus,
  options: OperationsOptions = {},
): Promise<OperationsServer> {
  const { host, port } = parseListenAddress(address);
  const clock = options.clock ?? Date.now;
  const metrics = new JobMetrics(options.latency);
  const replies = new Map<string, () => Reply | Promise<Reply>>([
    [
      '/metrics',
      async () => ({
        code: 200,
        body: await metrics.text(status(), clock()),
        type: metrics.contentType,
      }),
    ],
    ['/healthz', () => healthReply(options.failure?.())],
    ['/readyz', () => readyReply(status())],
  ]);
  const server = createServer(LIMITS, (request, response) => {
    void answer(request, replies).then((reply) => send(response, request, reply));
  });
  server.maxConnections = options.maxConnections ?? MAX_CONNECTIONS;
  server.setTimeout(IDLE_MS);
  await listen(server, { host, port });
  const log = createLogger('operations');
  // Out of file descriptors, say: the job goes on without it.
  server.on('error', (error) => log.warn({ err: error }, 'a connection could not be accepted'));
  const bound = server.address() as AddressInfo;
  return {
    address: { host: bound.address, port: bound.port },
    close: () => close(server),
  };
}

/** Answering at all says that the event loop turns. */
function healthReply(failure: string | undefined): Reply {
  return failure === undefined
    ? { code: 200, body: 'alive' }
    : { code: 503, body: `failed: ${failure}` };
}

function readyReply({ ready, problem }: StreamStatus): Reply {
  return ready ? { code: 200, body: 'ready' } : { code: 503, body: problem ?? 'not ready' };
}

async function answer(
  { method, url }: IncomingMessage,
  replies: ReadonlyMap<string, () => Reply | Promise<Reply>>,
): Promise<Reply> {
  const path = (url ?? '').replace(/\?.*$/s, '');
  const reply = replies.get(path);
  if (reply === undefined) {
    return { code: 404, body: `not found; there are ${[...replies.keys()].join(', ')}` };
  }
  if (method !== 'GET' && method !== 'HEAD') return { code: 405, body: 'use GET' };
  try {
    return await reply();
  } catch (error) {
    return { code: 500, body: `the job's status cannot be read: ${(error as Error).message}` };
  }
}

function send(response: ServerResponse, request: IncomingMessage, reply: Reply): void {
  const { code, type } = reply;
  const body = Buffer.from(type === undefined ? `${reply.body}\n` : reply.body);
  response.writeHead(code, {
    'content-type': type ?? TEXT,
    'content-length': body.length,
    'cache-control': 'no-store',
    ...(code === 405 ? { allow: 'GET, HEAD' } : {}),
    // A body that somebody sends along is not read to its end.
    connection: 'close',
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

async function listen(server: Server, address: ListenAddress): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(address, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = (code === undefined ? undefined : REASONS.get(code)) ?? message;
    throw new Error(`metrics cannot be served on ${formatListenAddress(address)}: ${reason}`, {
      cause: error,
    });
  }
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['EADDRINUSE', 'something else listens there'],
  ['EADDRNOTAVAIL', 'this machine does not have that address'],
  ['EACCES', 'a port below 1024 needs a privilege'],
  ['ENOTFOUND', 'the host is not known'],
]);

async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}
