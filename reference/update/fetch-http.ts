/**
 * Fetches a feed by HTTP: conditional (RFC 9110 section 13), bounded in time, bytes and redirects.
 *
 * node's `fetch` is not used: it takes a gzip body that ends early for whole, and has no time-outs
 * of its own for connecting and idling.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { shownUri } from '../remote-uri.js';
import type { Validators } from './feed-state.js';
import {
  Deadline,
  type Fetched,
  FetchError,
  type FetchLimits,
  limited,
  type Take,
} from './fetching.js';

const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number | undefined> = new Set([301, 302, 303, 307, 308]);

/** A server may send validators of any length; such as these are longer than any sensible one. */
const MAX_VALIDATOR_LENGTH = 1024;

/** Asks `url` for content other than `known`, which `take` reads. Throws a FetchError. */
export async function fetchHttp<Taken>(
  url: URL,
  known: Validators,
  limits: FetchLimits,
  take: Take<Taken>,
): Promise<Fetched<Taken>> {
  const deadline = new Deadline(limits.totalMs);
  let response: IncomingMessage | undefined;
  try {
    response = await followed(url, known, limits, deadline);
    switch (response.statusCode) {
      case 200:
        return {
          changed: true,
          taken: await take(contentOf(response, limits, deadline)),
          validators: validatorsOf(response),
        };
      case 304:
        if (known.etag !== undefined || known.lastModified !== undefined) return { changed: false };
        throw new FetchError('answered 304 to a request without a condition');
      default:
        throw new FetchError(`answered ${response.statusCode ?? 'nothing'}`);
    }
  } catch (error) {
    throw told(url, deadline.signal.aborted ? deadline.signal.reason : error);
  } finally {
    deadline.clear();
    response?.destroy();
  }
}

/** The answer of `url`, or of where it redirects to. */
async function followed(
  url: URL,
  known: Validators,
  limits: FetchLimits,
  deadline: Deadline,
): Promise<IncomingMessage> {
  let at = url;
  for (let redirects = 0; ; redirects++) {
    const response = await ask(at, known, limits, deadline);
    if (!REDIRECTS.has(response.statusCode)) return response;
    response.destroy();
    const { location } = response.headers;
    if (location === undefined || !URL.canParse(location, at.href)) {
      throw new FetchError('redirects to no URL');
    }
    const next = new URL(location, at);
    // Whoever listens in may write what comes by http; a file:// would read this machine.
    if (next.protocol !== 'https:' && next.protocol !== at.protocol) {
      throw new FetchError(
        `redirects to ${next.protocol}, which is not followed from ${at.protocol}`,
      );
    }
    if (redirects === MAX_REDIRECTS) {
      throw new FetchError(`redirects more than ${MAX_REDIRECTS} times`);
    }
    at = next;
  }
}

function ask(
  url: URL,
  { etag, lastModified }: Validators,
  { connectMs, idleMs }: FetchLimits,
  deadline: Deadline,
): Promise<IncomingMessage> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const headers = {
      'accept-encoding': 'gzip',
      'user-agent': 'flowsieve',
      ...(etag === undefined ? {} : { 'if-none-match': etag }),
      ...(lastModified === undefined ? {} : { 'if-modified-since': lastModified }),
    };
    deadline.expect('connection', connectMs);
    // A connection of its own: one that is kept would outlive the command.
    const sent = request(url, { headers, agent: false, signal: deadline.signal });
    sent.on('socket', (socket) => {
      socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
        deadline.expect('answer', idleMs);
      });
    });
    sent.on('response', resolve);
    sent.on('error', reject);
    sent.end();
  });
}

/** The body without the coding of its transfer. */
function contentOf(
  response: IncomingMessage,
  { maxBytes, idleMs }: FetchLimits,
  deadline: Deadline,
): AsyncIterable<Uint8Array> {
  const announced = Number(response.headers['content-length'] ?? 0);
  if (announced > maxBytes) {
    throw new FetchError(`has ${announced} bytes, the limit is ${maxBytes}`);
  }
  async function* received(): AsyncGenerator<Uint8Array> {
    deadline.expect('content', idleMs);
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      deadline.expect('more content', idleMs);
      yield chunk;
    }
  }
  const raw = limited(received(), maxBytes, 'has more');
  return limited(decoded(raw, response.headers['content-encoding']), maxBytes, 'unpacks to more');
}

/** Undoes the coding of the transfer; a file that is packed itself stays so. */
function decoded(
  raw: AsyncIterable<Uint8Array>,
  encoding: string | undefined,
): AsyncIterable<Uint8Array> {
  switch (encoding?.toLowerCase()) {
    case undefined:
    case '':
    case 'identity':
      return raw;
    case 'gzip':
    case 'x-gzip':
      return pipeline(Readable.from(raw), createGunzip(), () => {
        // The error reaches the reader of the stream.
      });
    default:
      throw new FetchError(`is coded as ${JSON.stringify(encoding)}, expected gzip or none`);
  }
}

function validatorsOf({ headers }: IncomingMessage): Validators {
  const { etag, 'last-modified': lastModified } = headers;
  return {
    ...(isValidator(etag) ? { etag } : {}),
    ...(isValidator(lastModified) ? { lastModified } : {}),
  };
}

function isValidator(value: string | undefined): value is string {
  return value !== undefined && value.length <= MAX_VALIDATOR_LENGTH;
}

/** The error as a sentence that begins with where it came from. */
function told(url: URL, cause: unknown): FetchError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const problem = message === 'aborted' && code === 'ECONNRESET' ? 'broke off' : message;
  return new FetchError(`${shownUri(url)}: ${problem || String(code)}`, { cause });
}
