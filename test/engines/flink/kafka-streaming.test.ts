import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { expect } from 'chai';
import { stringify } from 'yaml';
import { loadConfig } from '../../../launch/config/config.js';
import { formatProblem } from '../../../launch/config/problem.js';
import { readFindings } from '../../../launch/findings-file.js';
import { generateNetwork } from '../../../launch/generate/generate-network.js';
import { writeNetwork } from '../../../launch/generate/write-network.js';
import { runJob } from '../../../launch/run-job.js';
import type { Finding } from '../../../pipeline/finding.js';
import { messagesOf, type FlowMessage } from '../../end-to-end/streaming-messages.js';
import {
  settingsOf,
  until,
  withoutRevisions,
  type Settings,
} from '../../end-to-end/streaming-job.js';
import { requireJars } from '../java-jars.js';
import { KafkaBroker } from '../kafka/broker.js';
import { requireLoopback } from '../loopback.js';
import { FlinkCluster } from './cluster.js';
import { FlinkJobServer } from './job-server.js';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const LIMIT_MS = 240_000;
const CLI = resolve(import.meta.dirname, '../../../launch/cli.js');

/** No watermark leaves a record behind: messages come in parts, hours after their time. */
const STREAMING = { allowedLateness: '4d', earlyFirings: '2s' };

/** A finding, but for what a gradual filter adds to one only minutes later. */
function settledPart(finding: Partial<Finding>): Partial<Finding> {
  const { id = '', filter = '' } = finding;
  return filter === 'insecure-service-outbound' ? { id, filter } : finding;
}

/** A directory for all tests of the suite: the cluster lives in it. */
class Files {
  readonly directory = mkdtempSync(join(tmpdir(), 'flowsieve-flink-'));

  path(name: string): string {
    return join(this.directory, name);
  }

  write(name: string, content: string | Uint8Array): string {
    const path = this.path(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

describe('a streaming job from Kafka to Kafka on Flink', function () {
  this.timeout(900_000);
  const files = new Files();
  let broker: KafkaBroker | undefined;
  let cluster: FlinkCluster;
  let server: FlinkJobServer;
  let launcher: ChildProcess | undefined;
  let messages: readonly FlowMessage[];
  let expected: readonly Partial<Finding>[];
  let settings: Settings;

  async function setUp(test: Mocha.Context): Promise<KafkaBroker> {
    requireLoopback(test);
    const flink = await requireJars(test, 'flink');
    const kafka = await requireJars(test, 'kafka');
    for (const name of ['kafka', 'cluster', 'server']) {
      mkdirSync(files.path(name), { recursive: true });
    }
    const kafkaBroker = await KafkaBroker.start(kafka, files.path('kafka'));
    broker = kafkaBroker;
    cluster = await FlinkCluster.start(flink, files.path('cluster'));
    const directory = files.path('server');
    server = await FlinkJobServer.start(flink, { master: cluster.rest, directory });
    // Of today: where a topic has nothing more, the watermark goes with the clock.
    const startMs = Math.floor(Date.now() / DAY) * DAY - DAY;
    const options = { seed: 5, flows: 4000, hours: 3, instances: 1, startMs };
    const network = generateNetwork(options);
    writeNetwork(files.path('net'), network);
    messages = [...messagesOf(network.rows(), network.sensors, 5 * MINUTE)].sort(
      (a, b) => a.earliestMs - b.earliestMs,
    );
    for (const { name, data } of messages) files.write(`net/messages/${name}`, data);
    settings = { ...settingsOf(files.path('net/flowsieve.yaml')), history: false };
    expected = await batch();
    return kafkaBroker;
  }

  /** What a batch job on this machine finds in files with the same content. */
  async function batch(): Promise<readonly Partial<Finding>[]> {
    const inputs = [{ uri: 'messages/*' }];
    const file = files.write('net/batch.yaml', stringify({ ...settings, inputs, output: 'batch' }));
    const loaded = await loadConfig(file);
    if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
    await runJob(loaded.config, { runner: 'local', nowMs: Date.now() });
    return withoutRevisions((await readFindings(loaded.config.output)).values());
  }

  /** `flowsieve run --streaming --runner portable` on the cluster. */
  function launch(name: string, kafka: KafkaBroker, ...options: readonly string[]): void {
    const sinks = [kafka.uri(`${name}-findings`)];
    const inputs = [{ uri: kafka.uri(name) }];
    const whole = { ...settings, inputs, sinks, streaming: STREAMING, output: `${name}-out` };
    const config = files.write(`net/${name}.yaml`, stringify(whole));
    const all = ['checkpointing_interval=2000', ...options];
    const child = spawn(
      process.execPath,
      [
        ...[CLI, 'run', config, '--streaming', '--runner', 'portable', '--parallelism', '1'],
        ...['--endpoint', server.endpoint, '--expansion-service', server.expansion],
        ...all.flatMap((option) => ['--engine-option', option]),
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let said = '';
    child.stderr.on('data', (text: Buffer) => (said = (said + text.toString()).slice(-5000)));
    child.once('exit', () => files.write(`${name}.log`, said));
    launcher = child;
  }

  /** Of each finding the highest revision in the topic, but for those that are withdrawn. */
  async function found(kafka: KafkaBroker, topic: string): Promise<readonly Partial<Finding>[]> {
    const highest = new Map<string, Finding>();
    for (const { key, value } of await kafka.consume(topic)) {
      const finding = JSON.parse(value) as Finding;
      expect(finding.id).to.equal(key);
      if (finding.revision >= (highest.get(key)?.revision ?? 0)) highest.set(key, finding);
    }
    return withoutRevisions([...highest.values()].filter(({ status }) => status === 'open'));
  }

  /** Waits until the topic has just what batch finds. */
  async function settled(kafka: KafkaBroker, topic: string): Promise<void> {
    let last: readonly Partial<Finding>[] = [];
    const same = async (): Promise<boolean> => {
      last = await found(kafka, topic);
      return JSON.stringify(last.map(settledPart)) === JSON.stringify(expected.map(settledPart));
    };
    await until('the findings of batch', same, LIMIT_MS).catch(() => {
      expect(last.map(settledPart)).to.deep.equal(expected.map(settledPart));
    });
  }

  async function produce(kafka: KafkaBroker, topic: string, some: readonly FlowMessage[]) {
    for (let at = 0; at < some.length; at += 20) {
      const part = some.slice(at, at + 20);
      await kafka.produce(
        topic,
        part.map(({ name, data, earliestMs }) => ({
          key: name,
          value: Buffer.from(data),
          timestampMs: earliestMs,
        })),
      );
    }
  }

  async function topics(kafka: KafkaBroker, name: string): Promise<void> {
    await kafka.createTopic(name, 2);
    await kafka.createTopic(`${name}-findings`);
  }

  async function checkpointed(): Promise<string> {
    let job: string | undefined;
    await until(
      'a checkpoint',
      async () => {
        job = await cluster.runningJob();
        return job !== undefined && (await cluster.checkpoints(job)).completed > 0;
      },
      LIMIT_MS,
    );
    return job ?? '';
  }

  function started(): KafkaBroker {
    if (broker === undefined) throw new Error('no broker was started');
    return broker;
  }

  before(async function () {
    broker = await setUp(this);
  });

  afterEach(async () => {
    const job = await (cluster as FlinkCluster | undefined)?.runningJob();
    if (launcher?.exitCode === null) {
      const ended = once(launcher, 'exit');
      launcher.kill('SIGTERM');
      await ended;
    }
    launcher = undefined;
    if (job !== undefined) {
      await until('the job to end', async () => (await cluster.runningJob()) === undefined);
    }
  });

  after(async () => {
    await (server as FlinkJobServer | undefined)?.stop();
    await (cluster as FlinkCluster | undefined)?.stop();
    await broker?.stop();
    files.remove();
  });

  it('finds what batch finds, also when its TaskManager is killed on the way', async () => {
    const kafka = started();
    await topics(kafka, 'killed');
    const half = Math.floor(messages.length / 2);
    await produce(kafka, 'killed', messages.slice(0, half));
    launch('killed', kafka);
    await until(
      'a finding',
      async () => (await found(kafka, 'killed-findings')).length > 0,
      LIMIT_MS,
    );
    const job = await checkpointed();
    await cluster.killTaskManagers();
    await produce(kafka, 'killed', messages.slice(half));
    await cluster.addTaskManager();
    await settled(kafka, 'killed-findings');
    expect((await cluster.checkpoints(job)).restored).to.be.greaterThan(0);
  });

  it('goes on from a savepoint, with nothing lost and nothing doubled', async () => {
    const kafka = started();
    await topics(kafka, 'saved');
    const half = Math.floor(messages.length / 2);
    await produce(kafka, 'saved', messages.slice(0, half));
    // A tombstone and what is no record of flows.
    await kafka.produce('saved', [{ key: 'gone', value: null }]);
    launch('saved', kafka);
    await until(
      'a finding',
      async () => (await found(kafka, 'saved-findings')).length > 0,
      LIMIT_MS,
    );
    const savepoint = await cluster.stopWithSavepoint(await checkpointed());
    if (launcher?.exitCode === null) await once(launcher, 'exit');
    const before = await found(kafka, 'saved-findings');
    expect(before.length).to.be.lessThan(expected.length);
    await produce(kafka, 'saved', messages.slice(half));
    launch('saved', kafka, `savepoint_path=${savepoint}`);
    await settled(kafka, 'saved-findings');
  });
});
