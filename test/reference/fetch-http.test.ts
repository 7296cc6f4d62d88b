import { gzipSync } from 'node:zlib';
import { createServer } from 'node:net';
import { expect } from 'chai';
import { fetchHttp } from '../../reference/update/fetch-http.js';
import type { Validators } from '../../reference/update/feed-state.js';
import { FetchError, type Fetched, type FetchLimits } from '../../reference/update/fetching.js';
import { FeedServer, type Handler } from './feed-server.js';

const LIMITS: FetchLimits = {
  maxBytes: 1_000_000,
  connectMs: 30_000,
  idleMs: 30_000,
  totalMs: 60_000,
};

/** Packs to some thousand bytes. */
const LIST = Array.from({ length: 5000 }, (_, i) => `203.0.${(i * 37) % 113}.${i % 256}\n`).join(
  '',
);

async function text(content: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of content) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

describe('fetchHttp', () => {
  const server = new FeedServer();

  function fetchPath(
    path: string,
    known: Validators = {},
    limits: Partial<FetchLimits> = {},
  ): Promise<Fetched<string>> {
    return fetchHttp(new URL(server.url(path)), known, { ...LIMITS, ...limits }, text);
  }

  async function problem(fetched: Promise<unknown>): Promise<string> {
    return fetched.then(
      () => 'fetched',
      (error: unknown) => {
        expect(error).to.be.instanceOf(FetchError);
        return (error as Error).message.replaceAll(`:${server.port}`, '');
      },
    );
  }

  it('gives content with what it is known by', async () => {
    const lastModified = 'Sat, 31 Jan 2026 12:00:00 GMT';
    server.on('/list', (_request, response) => {
      response.writeHead(200, { etag: '"1"', 'last-modified': lastModified }).end('203.0.113.7\n');
    });
    expect(await fetchPath('/list')).to.deep.equal({
      changed: true,
      taken: '203.0.113.7\n',
      validators: { etag: '"1"', lastModified },
    });
    const { headers } = server.requests[0];
    expect(headers['if-none-match'], 'no condition').to.equal(undefined);
    expect(headers['accept-encoding']).to.equal('gzip');
  });

  it('asks by ETag and time, and takes 304 for an answer', async () => {
    server.serve('/list', 'x', '"1"');
    const lastModified = 'Sat, 31 Jan 2026 12:00:00 GMT';
    const known = { etag: '"1"', lastModified };
    expect(await fetchPath('/list', known)).to.deep.equal({ changed: false });
    expect(server.requests[0].headers['if-modified-since']).to.equal(lastModified);
    server.on('/list', (_request, response) => response.writeHead(304).end());
    expect(await problem(fetchPath('/list'))).to.include('304 to a request without a condition');
  });

  it('undoes the coding of the transfer, not that of the file', async () => {
    const packed = gzipSync('203.0.113.7\n');
    server.on('/coded', (_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed);
    });
    server.serve('/file.gz', packed);
    const coded = await fetchPath('/coded');
    expect(coded.changed && coded.taken).to.equal('203.0.113.7\n');
    const file = await fetchPath('/file.gz');
    expect(file.changed && file.taken).to.equal(packed.toString());
  });

  it('follows redirects, with the condition, and without the user of another origin', async () => {
    server.on('/old', (_request, response) => {
      response.writeHead(301, { location: '/moved' }).end();
    });
    server.on('/moved', (_request, response) => {
      response.writeHead(302, { location: server.url('/list') }).end();
    });
    server.serve('/list', 'x', '"1"');
    const url = new URL(server.url('/old'));
    url.username = 'me';
    url.password = 'secret';
    expect(await fetchHttp(url, { etag: '"1"' }, LIMITS, text)).to.deep.equal({ changed: false });
    const sent = server.requests.map(({ headers }) => headers.authorization !== undefined);
    expect(sent).to.deep.equal([true, true, false]);
  });

  const redirects = [
    ['to itself', '/loop', 'redirects more than 5 times'],
    ['to a file', 'file:///etc/passwd', 'redirects to file:, which is not followed from http:'],
    ['to ftp', 'ftp://127.0.0.1/x', 'redirects to ftp:, which is not followed from http:'],
    ['to nothing', undefined, 'redirects to no URL'],
    ['to no URL', 'http://[', 'redirects to no URL'],
  ] as const;
  for (const [name, location, message] of redirects) {
    it(`gives up at a redirect ${name}`, async () => {
      server.on('/loop', (_request, response) => {
        response.writeHead(302, location === undefined ? {} : { location }).end();
      });
      expect(await problem(fetchPath('/loop'))).to.equal(`http://127.0.0.1/loop: ${message}`);
    });
  }

  it('goes on from http to https', async () => {
    const location = `https://127.0.0.1:${server.port}/list`;
    server.on('/up', (_request, response) => response.writeHead(307, { location }).end());
    // The server speaks no TLS: that it was asked to is what shows.
    expect(await problem(fetchPath('/up'))).to.match(/SSL|wrong version|packet|EPROTO|broke off/i);
  });

  const packed = gzipSync(Buffer.alloc(3_000_000, 'a'));
  const answers: readonly (readonly [string, Handler, string | RegExp])[] = [
    [
      'a server that fails',
      (_request, response) => response.writeHead(500).end('no'),
      'answered 500',
    ],
    [
      'a body that ends early',
      (_request, response) => {
        response.writeHead(200, { 'content-length': 1000 }).write('203.0.113.7\n');
        setTimeout(() => response.destroy(), 20);
      },
      'broke off',
    ],
    [
      'a chunked body that ends early',
      (_request, response) => {
        response.writeHead(200).write('203.0.113.7\n');
        setTimeout(() => response.destroy(), 20);
      },
      'broke off',
    ],
    [
      'a coded body that ends early',
      (_request, response) => {
        response
          .writeHead(200, { 'content-encoding': 'gzip' })
          .end(gzipSync(LIST).subarray(0, 1000));
      },
      'unexpected end of file',
    ],
    [
      'a coded body that is none',
      (_request, response) => {
        response.writeHead(200, { 'content-encoding': 'gzip' }).end('203.0.113.7\n');
      },
      'incorrect header check',
    ],
    [
      'a bomb',
      (_request, response) => {
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed);
      },
      'unpacks to more than 1000000 bytes',
    ],
    [
      'another coding',
      (_request, response) => response.writeHead(200, { 'content-encoding': 'br' }).end('x'),
      'is coded as "br", expected gzip or none',
    ],
    [
      'a size beyond the limit',
      (_request, response) => {
        response.writeHead(200, { 'content-length': 1_000_001 }).write('x');
      },
      'has 1000001 bytes, the limit is 1000000',
    ],
    [
      'more than the limit without saying so',
      (_request, response) => {
        const more = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536)));
        };
        response.on('drain', more);
        more();
      },
      'has more than 1000000 bytes',
    ],
    ['no HTTP', (request) => request.socket.end('SSH-2.0-x\r\n'), /Parse Error/],
    ['a closed door', (request) => request.socket.destroy(), /socket hang up|broke off|ECONNRESET/],
  ];
  for (const [name, handler, message] of answers) {
    it(`refuses ${name}`, async () => {
      server.on('/list', handler);
      const told = await problem(fetchPath('/list'));
      if (typeof message === 'string') expect(told).to.equal(`http://127.0.0.1/list: ${message}`);
      else expect(told).to.match(message);
    });
  }

  it('gives up on a source that falls silent, that never answers, and that drips', async () => {
    server.on('/silent', (_request, response) => response.writeHead(200).write('x'));
    expect(await problem(fetchPath('/silent', {}, { idleMs: 100 }))).to.match(
      /no (answer|content|more content) within 100 ms$/,
    );
    server.on('/mute', () => undefined);
    expect(await problem(fetchPath('/mute', {}, { idleMs: 100 }))).to.include(
      'no answer within 100 ms',
    );
    server.on('/drip', (_request, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(timer));
    });
    expect(await problem(fetchPath('/drip', {}, { totalMs: 400 }))).to.include(
      'took longer than 400 ms',
    );
  });

  it('gives up on a handshake that never ends', async () => {
    const mute = createServer(() => undefined);
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const { port } = mute.address() as { port: number };
    const url = new URL(`https://127.0.0.1:${port}/`);
    expect(await problem(fetchHttp(url, {}, { ...LIMITS, connectMs: 100 }, text))).to.include(
      'no connection within 100 ms',
    );
    mute.close();
  });

  it('shows no credentials', async () => {
    const url = new URL(`http://me:secret@127.0.0.1:${server.port}/list?key=secret`);
    expect(await problem(fetchHttp(url, {}, LIMITS, text))).to.equal(
      'http://127.0.0.1/list?...: answered 404',
    );
    url.port = '1';
    expect(await problem(fetchHttp(url, {}, LIMITS, text))).to.not.include('secret');
  });

  it('tells what stopped the reader', async () => {
    server.serve('/list', 'x');
    const full = fetchHttp(new URL(server.url('/list')), {}, LIMITS, () =>
      Promise.reject(new Error('no space left')),
    );
    expect(await problem(full)).to.equal('http://127.0.0.1/list: no space left');
  });
});
