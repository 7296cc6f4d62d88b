/**
 * The streaming job under load: what it takes in for good, and whether memory and lag stay flat.
 *
 *     npm run bench:streaming -- --source udp --rate 5000 --seconds 1800
 *     npm run bench:streaming -- --source udp --highest --seconds 200
 *     npm run bench:streaming -- --source pubsub --rate 5000 --seconds 600
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { PubSub } from '@google-cloud/pubsub';
import Table from 'cli-table3';
import { addressText, CUSTOMERS, THREATS } from './flows.js';

const { values } = parseArgs({
  options: {
    source: { type: 'string', default: 'udp' },
    rate: { type: 'string', default: '5000' },
    seconds: { type: 'string', default: '60' },
    records: { type: 'string', default: '100' },
    highest: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
const source = values.source === 'pubsub' ? 'pubsub' : 'udp';
const seconds = Number(values.seconds);
const SAMPLE_MS = 5000;
/** Not looked at: starting, the first windows, and memory that has not found its level. */
const WARM_UP = 0.25;

/** Windows of a minute, with two minutes of lateness, must have closed. */
const LEAST_SECONDS = 200;
const LOWEST = 500;
/** A turn that closes windows takes some seconds; what grows beyond that is piling up. */
const ALLOWED_LAG_SECONDS = 15;

const here = dirname(fileURLToPath(import.meta.url));
const cli = join(here, '../../launch/cli.js');

interface Sample {
  readonly second: number;
  readonly sent: number;
  readonly records: number;
  readonly rssMb: number;
  readonly lagSeconds: number;
  readonly waiting: number;
  readonly dropped: number;
  readonly stateMb: number;
  readonly cpuSeconds: number;
}

interface Outcome {
  readonly rate: number;
  readonly samples: readonly Sample[];
  readonly latencyP50: number;
  readonly latencyP99: number;
}

if (values.highest) await highest();
else report(await load(Number(values.rate), seconds));

/** Doubles the rate until it is not sustained, then halves the span to the highest that was. */
async function highest(): Promise<void> {
  let good = 0;
  let bad = Infinity;
  for (let rate = 5000; rate >= LOWEST && bad - good > good / 4;) {
    const outcome = await load(rate, Math.max(LEAST_SECONDS, seconds));
    const sustained = isSustained(outcome);
    report(outcome);
    say(`${rate} flows/s ${sustained ? 'is' : 'is NOT'} sustained`);
    if (sustained) good = rate;
    else bad = rate;
    rate = bad === Infinity ? 2 * good : Math.round((good + bad) / 2);
  }
  say(`highest sustained rate through ${source}: about ${good} flows/s`);
}

/** Nothing dropped or piling up, and all that was sent taken in but for what is under way. */
function isSustained({ samples, rate }: Outcome): boolean {
  const last = samples[samples.length - 1];
  const middle = samples[Math.floor(samples.length / 2)];
  const sentEnough = last.sent >= rate * last.second * 0.9;
  const took = (last.records - middle.records) / (last.second - middle.second);
  const keptUp = last.lagSeconds < middle.lagSeconds + ALLOWED_LAG_SECONDS;
  return sentEnough && keptUp && last.dropped === middle.dropped && took > rate * 0.9;
}

async function load(rate: number, forSeconds: number): Promise<Outcome> {
  const directory = mkdtempSync(join(tmpdir(), 'flowsieve-load-'));
  const children: ChildProcess[] = [];
  try {
    const metricsPort = await freePort();
    const input = source === 'udp' ? await udpInput() : await pubsubInput();
    writeConfiguration(directory, input.yaml);
    const job = spawn(
      process.execPath,
      [
        cli,
        'run',
        join(directory, 'flowsieve.yaml'),
        '--streaming',
        '--metrics',
        `127.0.0.1:${metricsPort}`,
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    children.push(job);
    await ready(metricsPort);
    const sender = spawn(process.execPath, [join(here, input.sender), ...input.args(rate)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(sender);
    let sent = 0;
    sender.stdout.on('data', (text: Buffer) => {
      sent = Number(text.toString().trim().split('\n').pop());
    });
    const samples: Sample[] = [];
    const begun = performance.now();
    while (performance.now() - begun < forSeconds * 1000) {
      await sleep(SAMPLE_MS);
      const metrics = await scrape(metricsPort);
      samples.push({ second: (performance.now() - begun) / 1000, sent, ...metrics });
    }
    const { latencyP50, latencyP99 } = await latencies(metricsPort);
    sender.kill();
    job.kill('SIGTERM');
    await new Promise((resolve) => job.once('exit', resolve));
    return { rate, samples, latencyP50, latencyP99 };
  } finally {
    for (const child of children) child.kill('SIGKILL');
    if (values.keep) say(`kept ${directory}`);
    else rmSync(directory, { recursive: true, force: true });
  }
}

interface Input {
  readonly yaml: string;
  readonly sender: string;
  readonly args: (rate: number) => string[];
}

async function udpInput(): Promise<Input> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return {
    yaml: `  - { uri: "netflow://127.0.0.1:${port}" }`,
    sender: 'send-netflow.js',
    args: (rate) => [String(port), String(rate), String(Date.now() % 2 ** 31)],
  };
}

/** Wants PUBSUB_EMULATOR_HOST: the emulator runs already. */
async function pubsubInput(): Promise<Input> {
  if (process.env['PUBSUB_EMULATOR_HOST'] === undefined) {
    throw new Error('start the Pub/Sub emulator and set PUBSUB_EMULATOR_HOST');
  }
  const id = `load-${Date.now()}`;
  const client = new PubSub({ projectId: 'bench' });
  const [topic] = await client.createTopic(id);
  const [subscription] = await topic.createSubscription(id, { ackDeadlineSeconds: 60 });
  await client.close();
  return {
    yaml: `  - { uri: "pubsub://${subscription.name}", format: csv, timestampAttribute: ts }`,
    sender: 'publish.js',
    args: (rate) => [topic.name, String(rate), values.records, String(Date.now() % 2 ** 31)],
  };
}

/** Windows of a minute that stay open for two more, so that closing them is part of what is measured. */
function writeConfiguration(directory: string, input: string): void {
  const customers = Array.from({ length: CUSTOMERS }, (_, i) => `c${i},10.${i}.0.0/16`);
  writeFileSync(join(directory, 'customers.csv'), `customer,cidr\n${customers.join('\n')}\n`);
  const threats = Array.from({ length: THREATS }, (_, i) => addressText((185 << 24) | i));
  mkdirSync(join(directory, 'feeds'));
  writeFileSync(join(directory, 'feeds', 'c2.txt'), `${threats.join('\n')}\n`);
  writeFileSync(
    join(directory, 'flowsieve.yaml'),
    `customers: customers.csv
inputs:
${input}
reference:
  feeds:
    - { name: c2, kind: tags, category: c2, format: address-list, uri: feeds/c2.txt }
window: 1m
streaming: { allowedLateness: 2m, disorder: 5s, lookback: 10m }
`,
  );
}

async function ready(port: number): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    const ok = await fetch(`http://127.0.0.1:${port}/readyz`).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return;
    await sleep(200);
  }
  throw new Error('the job did not get ready within a minute');
}

async function metricsText(port: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
}

function sumOf(text: string, name: string): number {
  let sum = 0;
  for (const line of text.split('\n')) {
    if (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) {
      sum += Number(line.slice(line.lastIndexOf(' ') + 1));
    }
  }
  return sum;
}

async function scrape(port: number): Promise<Omit<Sample, 'second' | 'sent'>> {
  const text = await metricsText(port);
  return {
    records: sumOf(text, 'flowsieve_records_total'),
    rssMb: sumOf(text, 'process_resident_memory_bytes') / 2 ** 20,
    lagSeconds: sumOf(text, 'flowsieve_watermark_lag_seconds'),
    waiting: sumOf(text, 'flowsieve_waiting_elements'),
    dropped:
      sumOf(text, 'flowsieve_udp_dropped_total') + sumOf(text, 'flowsieve_late_dropped_total'),
    stateMb: sumOf(text, 'flowsieve_state_bytes') / 2 ** 20,
    cpuSeconds: sumOf(text, 'process_cpu_seconds_total'),
  };
}

/** Upper ends of the histogram's buckets that hold half and 99 % of the findings. */
async function latencies(port: number): Promise<{ latencyP50: number; latencyP99: number }> {
  const buckets: [number, number][] = [];
  for (const line of (await metricsText(port)).split('\n')) {
    const found = /^flowsieve_finding_latency_seconds_bucket\{le="([^"]+)"\} (\S+)/.exec(line);
    if (found !== null)
      buckets.push([Number(found[1].replace('+Inf', 'Infinity')), Number(found[2])]);
  }
  const total = buckets[buckets.length - 1]?.[1] ?? 0;
  const at = (share: number): number =>
    total === 0 ? NaN : (buckets.find(([, count]) => count >= total * share)?.[0] ?? NaN);
  return { latencyP50: at(0.5), latencyP99: at(0.99) };
}

function report({ rate, samples, latencyP50, latencyP99 }: Outcome): void {
  const table = new Table({
    head: [
      'second',
      'sent',
      'records',
      'RSS MB',
      'lag s',
      'waiting',
      'dropped',
      'state MB',
      'CPU %',
    ],
    style: { head: [], border: [] },
  });
  const every = Math.max(1, Math.floor(samples.length / 12));
  samples.forEach((sample, i) => {
    if (i % every !== 0 && i !== samples.length - 1) return;
    const before = samples[Math.max(0, i - every)];
    const cpu = (sample.cpuSeconds - before.cpuSeconds) / (sample.second - before.second || 1);
    table.push([
      sample.second.toFixed(0),
      sample.sent,
      sample.records,
      sample.rssMb.toFixed(0),
      sample.lagSeconds.toFixed(1),
      sample.waiting,
      sample.dropped,
      sample.stateMb.toFixed(0),
      (cpu * 100).toFixed(0),
    ]);
  });
  const settled = samples.slice(Math.floor(samples.length * WARM_UP));
  say(table.toString());
  say(
    `${rate} flows/s through ${source}: RSS ${slope(settled, ({ rssMb }) => rssMb * 60).toFixed(2)} MB a minute, ` +
      `lag ${slope(settled, ({ lagSeconds }) => lagSeconds * 60).toFixed(3)} s a minute (least squares after the first ${WARM_UP * 100} %); ` +
      `findings within ${latencyP50} s (p50), ${latencyP99} s (p99) of their flows`,
  );
}

/** Least squares of a sample's value against seconds. */
function slope(samples: readonly Sample[], value: (sample: Sample) => number): number {
  const n = samples.length;
  const meanX = samples.reduce((sum, { second }) => sum + second, 0) / n;
  const meanY = samples.reduce((sum, sample) => sum + value(sample), 0) / n;
  let up = 0;
  let down = 0;
  for (const sample of samples) {
    up += (sample.second - meanX) * (value(sample) - meanY);
    down += (sample.second - meanX) ** 2;
  }
  return down === 0 ? 0 : up / down;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
