import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { PubSub, type CreateSubscriptionOptions } from '@google-cloud/pubsub';
import type { Context } from 'mocha';

/** What the client library needs to find the emulator, and not to look for a machine of Google's. */
const ENVIRONMENT = ['PUBSUB_EMULATOR_HOST', 'METADATA_SERVER_DETECTION'] as const;

const PROJECT = 'flowsieve-test';

interface TestMessage {
  readonly data: Uint8Array | string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly orderingKey?: string;
}

/** The real Pub/Sub emulator of the Google Cloud SDK, in a process of its own on a free port. */
export class PubsubEmulator {
  /** `127.0.0.1:PORT`, for PUBSUB_EMULATOR_HOST of other processes. */
  readonly host: string;
  readonly #process: ChildProcess;
  readonly #client: PubSub;
  readonly #before: ReadonlyMap<string, string | undefined>;

  private constructor(host: string, process_: ChildProcess) {
    this.host = host;
    this.#process = process_;
    this.#before = new Map(ENVIRONMENT.map((name) => [name, process.env[name]]));
    process.env['PUBSUB_EMULATOR_HOST'] = host;
    process.env['METADATA_SERVER_DETECTION'] = 'none';
    this.#client = new PubSub({ projectId: PROJECT });
  }

  /** Starts one; skips the test (or all of a `before`), saying so, where the SDK lacks it. */
  static async start(test: Context): Promise<PubsubEmulator> {
    const jar = findJar();
    if (jar === undefined) {
      const missing = 'no Pub/Sub emulator (gcloud components install pubsub-emulator) or no java';
      if (process.env['CI'] === 'true') throw new Error(missing);
      process.stdout.write(`      skipped: ${missing}\n`);
      test.skip();
    }
    const port = await freePort();
    // The SDK's wrapper starts the same; it takes seconds more, and its java outlives it.
    const java = spawn('java', ['-Xmx512m', '-jar', jar, '--host=127.0.0.1', `--port=${port}`], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const kill = (): void => {
      java.kill('SIGKILL');
    };
    process.once('exit', kill);
    java.once('exit', () => {
      process.removeListener('exit', kill);
    });
    await ready(java);
    return new PubsubEmulator(`127.0.0.1:${port}`, java);
  }

  subscriptionName(id: string): string {
    return `projects/${PROJECT}/subscriptions/${id}`;
  }

  topicName(id: string): string {
    return `projects/${PROJECT}/topics/${id}`;
  }

  /** A topic and a subscription of it, both called `id`. */
  async create(id: string, options: CreateSubscriptionOptions = {}): Promise<void> {
    const [topic] = await this.#client.createTopic(id);
    await topic.createSubscription(id, options);
  }

  /** Resolves with the messages' ids when all are published. */
  async publish(id: string, messages: readonly TestMessage[]): Promise<string[]> {
    const ordered = messages.some(({ orderingKey }) => orderingKey !== undefined);
    const topic = this.#client.topic(id, {
      batching: { maxMessages: 1000, maxMilliseconds: 5 },
      messageOrdering: ordered,
    });
    return Promise.all(
      messages.map(({ data, ...rest }) =>
        topic.publishMessage({ data: Buffer.from(data as Uint8Array), ...rest }),
      ),
    );
  }

  /** Stops it and puts the environment back. */
  async stop(): Promise<void> {
    for (const [name, value] of this.#before) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
    await this.#client.close();
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exited;
  }
}

/** The emulator's program, in the SDK that the `gcloud` on the path belongs to. */
function findJar(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const gcloud = folders.map((folder) => join(folder, 'gcloud')).find(existsSync);
  if (gcloud === undefined || !folders.some((folder) => existsSync(join(folder, 'java')))) {
    return undefined;
  }
  const lib = join(dirname(realpathSync(gcloud)), '..', 'platform', 'pubsub-emulator', 'lib');
  if (!existsSync(lib)) return undefined;
  const jar = readdirSync(lib).find((name) => name.endsWith('.jar'));
  return jar === undefined ? undefined : join(lib, jar);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Resolves when it says that it listens; rejects, with what it said, when it ends before. */
function ready(java: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    const hear = (text: Buffer): void => {
      if (said.length < 10_000) said += text.toString();
      if (said.includes('Server started')) resolve();
    };
    // Read on, or it would block on a full pipe.
    java.stdout?.on('data', hear);
    java.stderr?.on('data', hear);
    java.once('error', reject);
    java.once('exit', (code) => {
      reject(new Error(`Pub/Sub emulator ended with ${String(code)}: ${said}`));
    });
  });
}
