import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { JobService } from '../../launch/portable/job-service.js';
import { descendantsOf } from './descendants.js';
import type { Engine, InstalledEngine } from './engine.js';

const VERSION = 'v2.77.0';
const PACKAGE = 'github.com/apache/beam/sdks/v2/go/cmd/prism';

/** Where engines are kept between runs: never in the repository. */
export const CACHE = join(
  process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
  'flowsieve-engines',
);

const FOLDER = join(CACHE, `prism-${VERSION}`);
const PROGRAM = join(FOLDER, 'prism');

/** Beam's own portable engine in Go: small, and strict about the model. */
export const PRISM: InstalledEngine = {
  name: 'prism',
  async install(): Promise<void> {
    if (existsSync(PROGRAM)) return;
    const env = { ...process.env, GOBIN: FOLDER, GOFLAGS: '-modcacherw' };
    await promisify(execFile)('go', ['install', `${PACKAGE}@${VERSION}`], { env });
  },
  open: () => (existsSync(PROGRAM) ? new Prism() : undefined),
};

class Prism implements Engine {
  readonly name = 'prism';
  readonly options = {};
  readonly testStream = true;
  #process: ChildProcess | undefined;

  async start(): Promise<string> {
    const port = await freePort();
    this.#process = spawn(PROGRAM, ['-job_port', String(port), '-serve_http=false'], {
      stdio: 'ignore',
    });
    const endpoint = `127.0.0.1:${port}`;
    const service = new JobService(endpoint);
    await service.ready();
    service.close();
    return endpoint;
  }

  workers(): number[] {
    return descendantsOf(this.#process?.pid);
  }

  async stop(): Promise<void> {
    const running = this.#process;
    if (running?.exitCode !== null) return;
    const exited = once(running, 'exit');
    running.kill('SIGKILL');
    await exited;
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
