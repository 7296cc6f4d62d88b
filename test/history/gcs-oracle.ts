import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** fsouza/fake-gcs-server: the API as somebody else understood it. On the path, or where this names it. */
const PROGRAM = process.env['FAKE_GCS_SERVER'] ?? 'fake-gcs-server';

/** Why it cannot be used here; undefined where it can. */
export function oracleMissing(): string | undefined {
  const { error } = spawnSync(PROGRAM, ['-help']);
  if (error === undefined) return undefined;
  return (
    `${PROGRAM}: ${error.message}; to compare with it: ` +
    `go install github.com/fsouza/fake-gcs-server@v1.56.1, and name it in FAKE_GCS_SERVER`
  );
}

/** A fake-gcs-server of its own, with nothing in it, on a port of this machine. */
export class GcsOracle {
  #process: ChildProcess | undefined;
  #endpoint = '';

  get endpoint(): string {
    return this.#endpoint;
  }

  async start(): Promise<void> {
    const port = await freePort();
    this.#endpoint = `http://127.0.0.1:${port}`;
    const options = {
      scheme: 'http',
      host: '127.0.0.1',
      port,
      'public-host': `127.0.0.1:${port}`,
      'external-url': this.#endpoint,
      backend: 'memory',
      'log-level': 'error',
    };
    const flags = Object.entries(options).flatMap(([name, value]) => [`-${name}`, `${value}`]);
    this.#process = spawn(PROGRAM, flags, { stdio: 'ignore' });
    for (let wait = 0; wait < 100; wait++) {
      const answer = await fetch(`${this.#endpoint}/_internal/healthcheck`).catch(() => undefined);
      if (answer?.ok === true) return;
      await sleep(100);
    }
    throw new Error(`${PROGRAM} does not answer on ${this.#endpoint}`);
  }

  async makeBucket(name: string): Promise<void> {
    const answer = await fetch(`${this.#endpoint}/storage/v1/b`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name }),
    });
    if (!answer.ok) throw new Error(`bucket ${name}: ${await answer.text()}`);
  }

  stop(): void {
    this.#process?.kill();
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
