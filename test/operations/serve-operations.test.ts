import { expect } from 'chai';
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { formatListenAddress } from '../../launch/operations/listen-address.js';
import {
  serveOperations,
  type OperationsOptions,
  type OperationsServer,
} from '../../launch/operations/serve-operations.js';
import type { StreamStatus } from '../../launch/operations/stream-status.js';
import { NOW_MS, RUNNING } from './stream-statuses.js';

const ANY = '127.0.0.1:0';

describe('operations server', () => {
  const open: OperationsServer[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((server) => server.close()));
  });

  async function serve(
    status: () => StreamStatus = () => RUNNING,
    options: OperationsOptions = {},
  ): Promise<{ server: OperationsServer; url: string }> {
    const server = await serveOperations(ANY, status, { clock: () => NOW_MS, ...options });
    open.push(server);
    return { server, url: `http://${formatListenAddress(server.address)}` };
  }

  async function get(url: string, init?: RequestInit): Promise<{ code: number; text: string }> {
    const response = await fetch(url, init);
    return { code: response.status, text: await response.text() };
  }

  it('serves metrics in the text format', async () => {
    const { url } = await serve();
    const response = await fetch(`${url}/metrics?x=1`);
    expect(response.status).to.equal(200);
    expect(response.headers.get('content-type')).to.match(/^text\/plain; version=0\.0\.4/);
    expect(await response.text()).to.include(
      'flowsieve_watermark_lag_seconds{source="netflow://127.0.0.1:2055"} 31',
    );
  });

  it('keeps scrapes at the same time apart from no one', async () => {
    const { url } = await serve();
    const texts = await Promise.all(
      Array.from({ length: 8 }, async () => (await get(`${url}/metrics`)).text),
    );
    for (const text of texts) {
      expect(text.match(/^flowsieve_findings_total\{/gm)).to.have.length(2);
    }
  });

  const ready = [
    [RUNNING, 200, 'ready\n'],
    [{ ...RUNNING, ready: false, problem: 'the disk is full' }, 503, 'the disk is full\n'],
    [{ ...RUNNING, ready: false }, 503, 'not ready\n'],
  ] as const;
  for (const [status, code, text] of ready) {
    it(`says ${JSON.stringify(text)} on /readyz`, async () => {
      const { url } = await serve(() => status);
      expect(await get(`${url}/readyz`)).to.deep.equal({ code, text });
    });
  }

  it('is alive until the job fails, ready or not', async () => {
    const job: { failure?: string } = {};
    const { url } = await serve(() => ({ ...RUNNING, ready: false }), {
      failure: () => job.failure,
    });
    expect(await get(`${url}/healthz`)).to.deep.equal({ code: 200, text: 'alive\n' });
    job.failure = 'the state is damaged';
    expect(await get(`${url}/healthz`)).to.deep.equal({
      code: 503,
      text: 'failed: the state is damaged\n',
    });
  });

  it('answers 500 where the status cannot be read, and goes on', async () => {
    let broken = true;
    const { url } = await serve(() => {
      if (broken) throw new Error('closed');
      return RUNNING;
    });
    for (const path of ['/metrics', '/readyz']) {
      const { code, text } = await get(url + path);
      expect([code, text]).to.deep.equal([500, "the job's status cannot be read: closed\n"]);
    }
    broken = false;
    expect((await get(`${url}/readyz`)).code).to.equal(200);
  });

  const refused = [
    ['/', 'GET', 404],
    ['/metrics/', 'GET', 404],
    ['/__proto__', 'GET', 404],
    ['/metrics', 'POST', 405],
    ['/metrics', 'DELETE', 405],
    ['/nothing', 'POST', 404],
  ] as const;
  for (const [path, method, code] of refused) {
    it(`answers ${code} to ${method} ${path}`, async () => {
      const { url } = await serve();
      const response = await fetch(url + path, { method });
      expect(response.status).to.equal(code);
      expect(response.headers.get('allow')).to.equal(code === 405 ? 'GET, HEAD' : null);
    });
  }

  it('answers HEAD without a body', async () => {
    const { url } = await serve();
    expect(await get(`${url}/healthz`, { method: 'HEAD' })).to.deep.equal({ code: 200, text: '' });
  });

  it('does not wait for the body of a request', async () => {
    const { server } = await serve();
    const text = await exchange(
      server,
      'POST /metrics HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\nabc',
    );
    expect(text).to.match(/^HTTP\/1\.1 405 /);
  });

  const broken = [
    ['what is no HTTP', '\u0000\u0001\u0002\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['endless headers', `GET / HTTP/1.1\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
  ] as const;
  for (const [what, sent, answered] of broken) {
    it(`refuses ${what} and goes on`, async () => {
      const { server, url } = await serve();
      expect(await exchange(server, sent)).to.match(answered);
      expect((await get(`${url}/healthz`)).code).to.equal(200);
    });
  }

  it('closes connections that are too many, and serves again when some are gone', async () => {
    const { server, url } = await serve(() => RUNNING, { maxConnections: 2 });
    const held = [await opened(server), await opened(server)];
    const third = await opened(server);
    third.resume();
    await once(third, 'close');
    for (const socket of held) socket.destroy();
    await until(async () => {
      const reply = await get(`${url}/healthz`).catch(() => undefined);
      return reply?.code === 200;
    });
  });

  it('closes with connections open, and twice', async () => {
    const { server } = await serve();
    const socket = await opened(server);
    socket.resume();
    const closed = once(socket, 'close');
    await Promise.all([server.close(), closed]);
    await server.close();
  });

  it('says where it cannot listen, and why', async () => {
    const { server } = await serve();
    const taken = formatListenAddress(server.address);
    const cases = [
      [taken, `metrics cannot be served on ${taken}: something else listens there`],
      ['192.0.2.1:0', 'metrics cannot be served on 192.0.2.1:0: this machine does not have'],
      ['nowhere', 'expected HOST:PORT, got "nowhere"'],
    ] as const;
    for (const [address, message] of cases) {
      const error = await serveOperations(address, () => RUNNING).then(
        () => undefined,
        (reason: unknown) => reason as Error,
      );
      expect(error?.message).to.include(message);
    }
  });

  it('listens on IPv6', async function () {
    const server = await serveOperations('[::1]:0', () => RUNNING).catch((error: unknown) => {
      const { code } = (error as Error).cause as NodeJS.ErrnoException;
      if (code !== 'EADDRNOTAVAIL' && code !== 'EAFNOSUPPORT') throw error;
      return undefined;
    });
    if (server === undefined) {
      process.stderr.write('skipped: this machine has no IPv6\n');
      this.skip();
    }
    open.push(server);
    const url = `http://${formatListenAddress(server.address)}`;
    expect((await get(`${url}/healthz`)).code).to.equal(200);
  });
});

async function opened({ address }: OperationsServer): Promise<Socket> {
  const socket = connect(address.port, address.host);
  // A reset is how the other side may close.
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** Everything that the server answers to `text` until it closes. */
async function exchange(server: OperationsServer, text: string): Promise<string> {
  const socket = await opened(server);
  let answered = '';
  socket.setEncoding('latin1').on('data', (part: string) => (answered += part));
  socket.write(text);
  await once(socket, 'close');
  return answered;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}
