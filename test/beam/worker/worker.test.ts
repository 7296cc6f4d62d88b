import '../../../beam/fn.js';
import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'chai';
import { status } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import type { InstructionResponse, ProcessBundleDescriptor } from 'apache-beam/proto/beam_fn_api';
import { registerFn } from '../../../beam/fn.js';
import { PortableWorker } from '../../../beam/worker/worker.js';
import { userCounters } from '../../../launch/portable/job-counters.js';
import {
  decodeElements,
  describeBundle,
  describePlainBundle,
  encodeElements,
} from './bundle-graph.js';
import { FakeEngine } from './fake-engine.js';

registerFn<null, number>('test/worker-slow', (_params, context) => ({
  async process(value): Promise<void> {
    // Now and then it waits, as one that reads files does.
    if (value % 1000 === 0) await turn();
    if (value < 0) throw new Error('a negative number');
    context.count('elements');
    context.count('much', 3_000_000_000);
    await context.send('out', value);
  },
}));

registerFn<{ readonly copies: number }, string>('test/worker-fan-out', ({ copies }, context) => ({
  process(value): void {
    for (let i = 0; i < copies; i++) context.emit('out', value);
  },
}));

registerFn<null, number>('test/worker-side', (_params, context) => ({
  process(): void {
    const numbers = context.side('numbers') as readonly number[];
    context.emit('out', [numbers.length, numbers.reduce((a, b) => a + b, 0)]);
  },
}));

const MEGABYTE = 1 << 20;

describe('worker of a portable engine', () => {
  let engine: FakeEngine;
  let worker: PortableWorker;
  let ended: Promise<void>;

  beforeEach(async () => {
    engine = await FakeEngine.start();
    worker = new PortableWorker({ id: 'w1', controlEndpoint: engine.endpoint });
    await worker.connected();
    ended = worker.wait();
    ended.catch(() => undefined);
  });

  afterEach(async () => {
    worker.stop();
    await ended.catch(() => undefined);
    engine.stop();
  });

  /** A bundle of `fn` whose side input is asked for as well where `side` is given. */
  function describeFn(fn: string, params: unknown, side = false): ProcessBundleDescriptor {
    const make = side ? describeBundle : describePlainBundle;
    const descriptor = make('d1', engine.endpoint, fn, params);
    engine.descriptors.set('d1', descriptor);
    return descriptor;
  }

  function countersOf({ response }: InstructionResponse): Record<string, number> {
    if (response.oneofKind !== 'processBundle') throw new Error('no bundle was processed');
    const { monitoringInfos: committed } = response.processBundle;
    return Object.fromEntries(userCounters({ attempted: [], committed }));
  }

  it('takes all elements of a bundle, in order, however fast they come', async () => {
    const descriptor = describeFn('test/worker-slow', null);
    const values = Array.from({ length: 200_000 }, (_, i) => i + 1_000_000);
    const answer = engine.bundle('b1', 'd1');
    let sent = 0;
    for (let at = 0; at < values.length; at += 10_000) {
      const bytes = encodeElements(descriptor, values.slice(at, at + 10_000));
      sent += bytes.length;
      await engine.send('b1', bytes, false);
    }
    await engine.send('b1', new Uint8Array(), true);
    const response = await answer;
    expect(response.error).to.equal('');
    expect(sent).to.be.greaterThan(MEGABYTE);
    expect(countersOf(response)['elements']).to.equal(200_000);
    expect(decodeElements(descriptor, await engine.all('b1'))).to.deep.equal(values);
  });

  it('takes data that comes before the instruction that wants it', async () => {
    const descriptor = describeFn('test/worker-slow', null);
    const first = engine.bundle('b1', 'd1');
    await engine.send('b1', encodeElements(descriptor, [1]), true);
    await first;
    await engine.send('b2', encodeElements(descriptor, [2, 3]), true);
    await engine.bundle('b2', 'd1');
    expect(decodeElements(descriptor, await engine.all('b2'))).to.deep.equal([2, 3]);
  });

  it('sends each element once, in messages of about a megabyte', async () => {
    const descriptor = describeFn('test/worker-fan-out', { copies: 300 });
    const value = 'x'.repeat(100_000);
    const answer = engine.bundle('b1', 'd1');
    await engine.send('b1', encodeElements(descriptor, [value]), true);
    expect((await answer).error).to.equal('');
    const bytes = await engine.all('b1');
    expect(bytes.length).to.be.within(30_000_000, 31_000_000);
    const values = decodeElements(descriptor, bytes);
    expect(values.length).to.equal(300);
    expect(values.every((each) => each === value)).to.equal(true);
    expect(engine.received.get('b1')?.chunks.length).to.be.within(25, 35);
  });

  it('ends a bundle although the engine takes its data only after that', async () => {
    const descriptor = describeFn('test/worker-fan-out', { copies: 500 });
    const answer = engine.bundle('b1', 'd1');
    const bytes = encodeElements(descriptor, ['x'.repeat(100_000)]);
    await engine.send('b1', new Uint8Array(), false);
    engine.data?.pause();
    await engine.send('b1', bytes, true);
    expect((await answer).error).to.equal('');
    engine.data?.resume();
    expect(decodeElements(descriptor, await engine.all('b1')).length).to.equal(500);
  });

  for (const parts of [1, 7]) {
    it(`reads a side input of 20 MB in ${parts} message(s)`, async () => {
      const descriptor = describeFn('test/worker-side', null, true);
      const numbers = 2_000_000;
      const writer = protobuf.Writer.create();
      for (let i = 0; i < numbers; i++) writer.string(String(i + 1_000_000_000));
      const all = writer.finish();
      expect(all.length).to.be.greaterThan(20 * MEGABYTE);
      const size = Math.ceil(all.length / parts);
      engine.answerState = ({ request }) => {
        if (request.oneofKind !== 'get') return { error: 'expected get' };
        const at = Number(Buffer.from(request.get.continuationToken).toString() || 0);
        const rest = at + size < all.length ? String(at + size) : '';
        const get = { data: all.subarray(at, at + size), continuationToken: Buffer.from(rest) };
        return { response: { oneofKind: 'get', get } };
      };
      const answer = engine.bundle('b1', 'd1');
      await engine.send('b1', encodeElements(descriptor, [1, 2]), true);
      expect((await answer).error).to.equal('');
      const sum = numbers * 1_000_000_000 + (numbers * (numbers - 1)) / 2;
      const expected = [numbers, sum];
      const values = decodeElements(descriptor, await engine.all('b1'));
      expect(values).to.deep.equal([expected, expected]);
    });
  }

  it('fails a bundle whose state stream breaks', async () => {
    const descriptor = describeFn('test/worker-side', null, true);
    engine.answerState = () => {
      engine.state?.emit('error', { code: status.UNAVAILABLE, details: 'broken' });
      return undefined;
    };
    const answer = engine.bundle('b1', 'd1');
    await engine.send('b1', encodeElements(descriptor, [1]), true);
    expect((await answer).error).to.match(/broken/);
  });

  it('tells of an element that fails, drops what is left of its bundle, and goes on', async () => {
    const descriptor = describeFn('test/worker-slow', null);
    const bad = engine.bundle('b1', 'd1');
    await engine.send('b1', encodeElements(descriptor, [1, -1, 2]), false);
    expect((await bad).error).to.match(/^Error: a negative number\n/);
    await engine.send('b1', encodeElements(descriptor, [3]), true);
    const good = engine.bundle('b2', 'd1');
    await engine.send('b2', encodeElements(descriptor, [4]), true);
    expect((await good).error).to.equal('');
    expect(decodeElements(descriptor, await engine.all('b2'))).to.deep.equal([4]);
  });

  it('counts each bundle by itself, beyond 32 bits', async () => {
    const descriptor = describeFn('test/worker-slow', null);
    const counted: unknown[] = [];
    for (const [bundle, values] of Object.entries({ b1: [1, 2], b2: [3], b3: [] })) {
      const answer = engine.bundle(bundle, 'd1');
      await engine.send(bundle, encodeElements(descriptor, values), true);
      counted.push(countersOf(await answer));
    }
    expect(counted).to.deep.equal([
      { elements: 2, much: 6_000_000_000 },
      { elements: 1, much: 3_000_000_000 },
      {},
    ]);
  });

  it('answers about bundles that it does not have, and what it has nothing to say to', async () => {
    const progress = await engine.ask('i1', {
      oneofKind: 'processBundleProgress',
      processBundleProgress: { instructionId: 'none' },
    });
    const split = await engine.ask('i2', {
      oneofKind: 'processBundleSplit',
      processBundleSplit: { instructionId: 'none', desiredSplits: {} },
    });
    const harness = await engine.ask('i3', {
      oneofKind: 'harnessMonitoringInfos',
      harnessMonitoringInfos: {},
    });
    const final = await engine.ask('i4', {
      oneofKind: 'finalizeBundle',
      finalizeBundle: { instructionId: 'none' },
    });
    expect(
      [progress, split, harness, final].map(({ error, response }) => [error, response.oneofKind]),
    ).to.deep.equal([
      ['', 'processBundleProgress'],
      ['', 'processBundleSplit'],
      ['', 'harnessMonitoringInfos'],
      ['', 'finalizeBundle'],
    ]);
  });

  it('says what its short ids of counters mean', async () => {
    const descriptor = describeFn('test/worker-slow', null);
    const answer = engine.bundle('b1', 'd1');
    await engine.send('b1', encodeElements(descriptor, [1]), true);
    const { response } = await answer;
    if (response.oneofKind !== 'processBundle') throw new Error('no bundle');
    const ids = Object.keys(response.processBundle.monitoringData);
    const told = await engine.ask('i1', {
      oneofKind: 'monitoringInfos',
      monitoringInfos: { monitoringInfoId: ids },
    });
    if (told.response.oneofKind !== 'monitoringInfos') throw new Error('no infos');
    const infos = Object.values(told.response.monitoringInfos.monitoringInfo);
    expect(
      infos
        .map(({ labels }) => labels['NAME'])
        .filter((name) => ['elements', 'much'].includes(name)),
    ).to.have.members(['elements', 'much']);
  });

  it('says its id with every call, and ends when the engine ends it', async () => {
    const descriptor = describeFn('test/worker-slow', null);
    const answer = engine.bundle('b1', 'd1');
    await engine.send('b1', encodeElements(descriptor, [1]), true);
    await answer;
    expect(new Set(engine.workerIds)).to.deep.equal(new Set(['w1']));
    engine.control?.end();
    await ended;
  });

  it('fails when the engine is gone', async () => {
    await engine.connected();
    engine.stop();
    const error = await ended.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).to.be.instanceOf(Error);
  });
});
