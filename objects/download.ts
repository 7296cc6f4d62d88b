/**
 * One request for bytes of an object, with the credentials of the client.
 *
 * Fault: of a connection that breaks after the answer began, @google-cloud/storage 7 tells nothing:
 * a stream of `createReadStream` neither goes on nor ends then; so it is with gaxios 6, as both stand
 * on node-fetch 2. Repair: the request is Node's own, which tells it.
 */
import { Agent as HttpAgent, get as httpGet, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, get as httpsGet } from 'node:https';
import { cloudStorage, type ClientOptions } from './client.js';
import { shown } from './errors.js';

/** The service answered with another status than that of content. */
export class StatusError extends Error {
  readonly code: number;

  constructor(code: number, body: string) {
    super(`${code} ${shown(new Error(body))}`.trim());
    this.code = code;
  }
}

/** Bytes of an error's text that are read. */
const MOST_ERROR_BYTES = 4096;

/** Time to the first byte of an answer, ms. */
const ANSWER_MS = 60_000;

/**
 * Bytes [start, end) of one version of an object, as they are stored: what is packed stays packed.
 * Throws a StatusError, or an error of the network.
 */
export async function download(
  { bucket, name, generation }: { bucket: string; name: string; generation: string },
  start: number,
  end: number,
  client?: ClientOptions,
): Promise<IncomingMessage> {
  const storage = await cloudStorage(client);
  const object = `${storage.baseUrl}/b/${bucket}/o/${encodeURIComponent(name)}`;
  const url = `${object}?alt=media&generation=${generation}`;
  // As the client does: an endpoint of one's own is no place to send a token to.
  const own = storage.customEndpoint && storage.useAuthWithCustomEndpoint !== true;
  const authorization = own ? {} : await storage.authClient.getRequestHeaders(url);
  const answer = await ask(url, {
    ...authorization,
    range: `bytes=${start}-${end - 1}`,
    'accept-encoding': 'gzip',
    'cache-control': 'no-store',
  });
  const { statusCode: status = 0 } = answer;
  if (status === 206 || (status === 200 && start === 0)) return answer;
  throw new StatusError(status, await beginning(answer));
}

const AGENTS = {
  http: new HttpAgent({ keepAlive: true }),
  https: new HttpsAgent({ keepAlive: true }),
};

function ask(url: string, headers: Readonly<Record<string, string>>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = url.startsWith('https:')
      ? httpsGet(url, { agent: AGENTS.https, headers }, resolve)
      : httpGet(url, { agent: AGENTS.http, headers }, resolve);
    request.on('error', reject);
    const timer = setTimeout(() => {
      request.destroy(new Error(`time-out: no answer within ${ANSWER_MS / 1000} s`));
    }, ANSWER_MS);
    const settled = (): void => clearTimeout(timer);
    request.on('response', settled).on('close', settled);
  });
}

async function beginning(body: IncomingMessage): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const piece of body as AsyncIterable<Uint8Array>) {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes > MOST_ERROR_BYTES) break;
    }
  } catch {
    // The status says enough.
  }
  return Buffer.concat(pieces).toString('utf8', 0, MOST_ERROR_BYTES);
}
