import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A source of feeds on a port of this machine; what each path answers is the test's. */
export class FeedServer {
  readonly requests: IncomingMessage[] = [];
  readonly #handlers = new Map<string, Handler>();
  readonly #server: Server;

  /** To be called inside `describe`. */
  constructor() {
    this.#server = createServer((request, response) => {
      this.requests.push(request);
      const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
      const handler = this.#handlers.get(pathname);
      if (handler === undefined) response.writeHead(404).end('none such');
      else handler(request, response);
    });
    before(() => new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve)));
    after(async () => {
      this.#server.closeAllConnections();
      await new Promise((resolve) => this.#server.close(resolve));
    });
    beforeEach(() => {
      this.#handlers.clear();
      this.requests.length = 0;
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  on(path: string, handler: Handler): void {
    this.#handlers.set(path, handler);
  }

  /** Serves `content` as good servers do: with an ETag, and 304 where it is known. */
  serve(path: string, content: string | Buffer, etag?: string): void {
    this.on(path, (request, response) => {
      if (etag !== undefined && request.headers['if-none-match'] === etag) {
        response.writeHead(304, { etag }).end();
      } else {
        response.writeHead(200, etag === undefined ? {} : { etag }).end(content);
      }
    });
  }

  /** Requests of a path so far. */
  count(path: string): number {
    return this.requests.filter(({ url }) => url?.split('?')[0] === path).length;
  }
}
