import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the server keeps of an object. */
export interface FakeObject {
  readonly content: Buffer;
  readonly generation: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly contentType: string;
  /** As its resource shows them; base64. */
  readonly checksums: Checksums;
}

export interface Checksums {
  readonly md5Hash?: string;
  readonly crc32c?: string;
}

/** What becomes of an answer with content: other bytes, and an end before all of them came. */
export interface Spoilt {
  readonly content: Buffer;
  /** `reset`: the connection breaks after them; `end`: the answer ends as if that were all. */
  readonly then: 'end' | 'reset';
}

/** A download as the server sees it: `content` is what was asked for. */
export type Spoiler = (name: string, content: Buffer, start: number) => Spoilt | undefined;

/** A request as the server sees it: an answer of its own here stands for what a real service may say. */
export type Interception = (method: string, url: URL) => number | undefined;

interface Upload {
  readonly bucket: string;
  readonly url: URL;
  readonly resource: Resource;
}

/** The part of an object's resource that a client may send. */
interface Resource {
  readonly name?: string;
  readonly contentType?: string;
  readonly md5Hash?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * The part of the JSON API of Cloud Storage that a history needs, on a port of this machine: list in
 * pages, download whole, by range or by generation, multipart and resumable uploads with
 * ifGenerationMatch and md5Hash, delete.
 */
export class GcsServer {
  readonly buckets = new Map<string, Map<string, FakeObject>>();
  /** `GET /b/bucket/o` and the like, as they come. */
  readonly requests: string[] = [];
  intercept: Interception = () => undefined;
  spoil: Spoiler = () => undefined;
  /** Whether a byte of each upload is another when it arrives. */
  damageUploads = false;
  /** Objects of one page of a list: few, so that lists have several. */
  page = 3;
  readonly #server: Server;
  readonly #uploads = new Map<string, Upload>();
  #generation = 1_700_000_000_000_000;

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

  /** The objects of a bucket, which is made. */
  bucket(name: string): Map<string, FakeObject> {
    const objects = this.buckets.get(name) ?? new Map<string, FakeObject>();
    this.buckets.set(name, objects);
    return objects;
  }

  /** Puts an object there as another program would. */
  put(
    bucket: string,
    name: string,
    content: Uint8Array,
    metadata = {},
    checksums: Checksums = { md5Hash: md5Of(content) },
  ): void {
    const object = {
      content: Buffer.from(content),
      metadata,
      checksums,
      contentType: 'text/plain',
    };
    this.bucket(bucket).set(name, { ...object, generation: ++this.#generation });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
    const body = Buffer.concat(pieces);
    const { method = 'GET' } = request;
    const url = new URL(request.url ?? '/', this.endpoint);
    const path = url.pathname.replace(/^\/storage\/v1/, '');
    this.requests.push(`${method} ${path}`);
    const refused = this.intercept(method, url);
    if (refused !== undefined) {
      fail(response, refused, `refused with ${refused}`);
      return;
    }
    const whole = /^\/b\/([^/]+)$/.exec(path)?.[1] ?? '';
    if (this.buckets.has(whole)) {
      json(response, 200, { kind: 'storage#bucket', id: whole, name: whole });
      return;
    }
    const parts = /^(\/upload(?:\/storage\/v1)?)?\/b\/([^/]+)\/o(?:\/(.+))?$/.exec(path);
    const [, isUpload, bucket, name] = (parts ?? []) as readonly (string | undefined)[];
    const objects = this.buckets.get(bucket ?? '');
    if (bucket === undefined || objects === undefined) {
      fail(response, 404, 'The specified bucket does not exist.');
      return;
    }
    if (isUpload !== undefined) {
      this.#upload(request, response, url, bucket, body);
      return;
    }
    if (name === undefined) {
      list(response, url, objects, this.page);
      return;
    }
    const object = objects.get(decodeURIComponent(name));
    const generation = url.searchParams.get('generation');
    if (object === undefined || (generation ?? `${object.generation}`) !== `${object.generation}`) {
      fail(response, 404, `No such object: ${bucket}/${name}`);
      return;
    }
    if (method === 'DELETE') {
      objects.delete(decodeURIComponent(name));
      response.writeHead(204).end();
    } else if (url.searchParams.get('alt') === 'media') {
      this.#media(request, response, decodeURIComponent(name), object);
    } else {
      json(response, 200, resource(decodeURIComponent(name), object));
    }
  }

  #media(
    request: IncomingMessage,
    response: ServerResponse,
    name: string,
    object: FakeObject,
  ): void {
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const { contentType, content } = object;
    const start = Number(range?.[1] ?? 0);
    if (range !== null && start >= content.length) {
      response.writeHead(416).end('Requested range not satisfiable');
      return;
    }
    const end = (range?.[2] ?? '') === '' ? content.length : Number(range?.[2]) + 1;
    const asked = content.subarray(start, end);
    const status = range === null ? 200 : 206;
    const spoilt = this.spoil(name, asked, start);
    if (spoilt === undefined) {
      response.writeHead(status, { 'content-type': contentType }).end(asked);
    } else if (spoilt.then === 'end') {
      response.writeHead(status, { 'content-type': contentType }).end(spoilt.content);
    } else {
      response.writeHead(status, { 'content-length': asked.length });
      response.write(spoilt.content, () => response.destroy());
    }
  }

  #upload(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    bucket: string,
    body: Buffer,
  ): void {
    if (request.method === 'PUT') {
      const id = url.searchParams.get('upload_id') ?? '';
      const upload = this.#uploads.get(id);
      if (upload === undefined) {
        fail(response, 404, 'no such upload');
        return;
      }
      this.#store(response, upload, body);
    } else if (url.searchParams.get('uploadType') === 'resumable') {
      const id = randomUUID();
      this.#uploads.set(id, { bucket, url, resource: JSON.parse(body.toString()) as Resource });
      const location = `${this.endpoint}/upload/storage/v1/b/${bucket}/o?upload_id=${id}`;
      response.writeHead(200, { location }).end();
    } else {
      const { head, content } = multipart(request, body);
      if (this.damageUploads) content[0] ^= 1;
      this.#store(response, { bucket, url, resource: head }, content);
    }
  }

  #store(response: ServerResponse, { bucket, url, resource: sent }: Upload, content: Buffer): void {
    const name = url.searchParams.get('name') ?? sent.name ?? '';
    const objects = this.bucket(bucket);
    const expected = url.searchParams.get('ifGenerationMatch');
    if (expected !== null && Number(expected) !== (objects.get(name)?.generation ?? 0)) {
      fail(response, 412, 'At least one of the pre-conditions you specified did not hold.');
      return;
    }
    const md5 = md5Of(content);
    if (sent.md5Hash !== undefined && sent.md5Hash !== md5) {
      fail(response, 400, 'Provided MD5 hash does not match the content.');
      return;
    }
    const { metadata = {}, contentType = '' } = sent;
    const generation = ++this.#generation;
    objects.set(name, { content, metadata, contentType, checksums: { md5Hash: md5 }, generation });
    json(response, 200, resource(name, objects.get(name)!));
  }
}

function md5Of(content: Uint8Array): string {
  return createHash('md5').update(content).digest('base64');
}

function list(
  response: ServerResponse,
  url: URL,
  objects: Map<string, FakeObject>,
  page: number,
): void {
  const { searchParams } = url;
  const prefix = searchParams.get('prefix') ?? '';
  const below = (name: string): boolean =>
    searchParams.get('delimiter') === '/' && name.slice(prefix.length).includes('/');
  const names = [...objects.keys()].filter((name) => name.startsWith(prefix) && !below(name));
  names.sort();
  const from = Number(searchParams.get('pageToken') ?? 0);
  const end = from + Math.min(page, Number(searchParams.get('maxResults') ?? page));
  json(response, 200, {
    kind: 'storage#objects',
    items: names.slice(from, end).map((name) => resource(name, objects.get(name)!)),
    ...(end < names.length ? { nextPageToken: String(end) } : {}),
  });
}

function resource(name: string, object: FakeObject): object {
  const { generation, metadata, contentType, content, checksums } = object;
  const [size, version] = [String(content.length), String(generation)];
  const kind = 'storage#object';
  return { kind, name, size, generation: version, metadata, contentType, ...checksums };
}

/** The two parts of a multipart/related body. */
function multipart(request: IncomingMessage, body: Buffer): { head: Resource; content: Buffer } {
  const boundary = /boundary="?([^";]+)"?/.exec(request.headers['content-type'] ?? '')?.[1] ?? '';
  const text = body.toString('latin1');
  const first = text.indexOf('\r\n\r\n') + 4;
  const second = text.indexOf('\r\n\r\n', first) + 4;
  const head = body.subarray(first, text.indexOf(`\r\n--${boundary}`, first)).toString();
  const content = body.subarray(second, text.lastIndexOf(`\r\n--${boundary}--`));
  return { head: JSON.parse(head) as Resource, content: Buffer.from(content) };
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

function fail(response: ServerResponse, status: number, message: string): void {
  json(response, status, { error: { code: status, message, errors: [{ message }] } });
}
