import { expect } from 'chai';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import fc from 'fast-check';
import { decodeChunk as decodeChunkBytes, encodeChunk, type Chunk } from '../../pipeline/chunk.js';
import '../../beam/fn.js';
import { makeSource } from '../../beam/source.js';
import { NetflowCollector } from '../../transforms/read/live/netflow-collector.js';
import { NETFLOW_SOURCE } from '../../transforms/read/live/netflow-source.js';
import { dropsIn, kernelDrops } from '../../transforms/read/live/netflow-collector/kernel-drops.js';
import { SequenceGaps } from '../../transforms/read/live/netflow-collector/sequence.js';
import { WaitingSets } from '../../transforms/read/live/netflow-collector/waiting-sets.js';
import {
  counts9,
  COUNTS9,
  ipfix,
  netflow5,
  netflow9,
  optionsTemplate9,
  pack,
  set,
  sflow5,
  template,
  tuple,
  TUPLE,
} from '../decode/netflow-packets.js';
import { freeUdpPort, INPUT, KeptIntake, RunningCollector, until } from './netflow-intake.js';

const FIELDS = [...TUPLE, ...COUNTS9];

/** As an exporter numbers them: a template, and records of it. */
const templateOf = (id: number, sequence: number): Buffer =>
  netflow9({ sequence }, [set(0, template(id, FIELDS))]);
const dataOf = (id: number, sequence: number, packets: number): Buffer =>
  netflow9({ sequence }, [set(id, tuple(), counts9(packets))]);

describe('netflow collector', function () {
  this.timeout(60_000);
  let collector: RunningCollector;

  beforeEach(() => {
    collector = new RunningCollector();
  });

  afterEach(async () => {
    collector.intake.open();
    await collector.stop();
  });

  it('delivers chunks that are decoded alone, whatever was told in which', async () => {
    const { intake } = collector;
    const sampling = netflow9({ sequence: 2 }, [
      set(1, optionsTemplate9(260, [[1, 4]], [[34, 4]])),
      set(260, pack([1, 4], [64, 4])),
    ]);
    for (const datagram of [
      templateOf(256, 0),
      dataOf(256, 1, 1),
      sampling,
      dataOf(256, 3, 2),
      netflow5({}, [{ packets: 9 }]),
    ]) {
      const before = intake.deliveries.length;
      await collector.send([datagram]);
      await until(() => intake.deliveries.length > before);
    }
    expect(intake.deliveries).to.have.length(5);
    const { rows, rejects } = intake.decoded();
    expect(rejects).to.deep.equal({});
    expect(rows.map((row) => [row.sensor, row.packets, row.samplingRate])).to.deep.equal([
      ['127.0.0.1', 1, 0],
      ['127.0.0.1', 2, 64],
      ['127.0.0.1', 9, 0],
    ]);
    for (const { value, timestampMs, bytes } of intake.deliveries) {
      const chunk = value as Chunk;
      expect([chunk.format, chunk.uri]).to.deep.equal(['netflow', `${INPUT.uri}#127.0.0.1`]);
      expect(decodeChunkBytes(encodeChunk(chunk)).bytes.length).to.equal(chunk.bytes.length);
      expect(timestampMs).to.be.at.most(chunk.arrivedMs ?? 0);
      expect(Date.now() - timestampMs).to.be.lessThan(60_000);
      expect(bytes).to.be.at.least(chunk.bytes.length + chunk.preamble.length);
    }
  });

  it('data before its template waits for it; the rest of its datagram does not', async () => {
    const { intake } = collector;
    await collector.send([
      templateOf(256, 0),
      netflow9({ sequence: 1 }, [
        set(256, tuple(), counts9(1)),
        set(257, tuple(), counts9(2)),
        set(256, tuple(), counts9(3)),
        set(258, tuple(), counts9(4)),
      ]),
    ]);
    await until(() => intake.decoded().records === 2);
    await collector.send([templateOf(257, 2)]);
    await until(() => intake.decoded().records === 3);
    await collector.stop();
    const { rows, rejects } = intake.decoded();
    expect([rows.map((row) => row.packets), rejects]).to.deep.equal([[1, 3, 2], {}]);
    expect(intake.counted('dropped/udp/no-template')).to.equal(1);
  });

  it('exporters are apart, IPv4 ones at an IPv6 socket by their IPv4 address', async () => {
    await collector.send([templateOf(256, 0)], '127.0.0.1');
    await collector.send([dataOf(256, 0, 7)], '127.0.0.2');
    await collector.send([dataOf(256, 1, 8)], '127.0.0.1');
    await collector.stop();
    const { rows } = collector.intake.decoded();
    expect(rows.map((row) => [row.sensor, row.packets])).to.deep.equal([['127.0.0.1', 8]]);
    expect(collector.intake.counted('dropped/udp/no-template')).to.equal(1);

    const both = new RunningCollector({ host: '::' });
    try {
      await both.send([netflow5({}, [{}])], '127.0.0.3');
      await both.stop();
      expect(both.intake.decoded().rows.map((row) => row.sensor)).to.deep.equal(['127.0.0.3']);
    } finally {
      await both.stop();
    }
  });

  it('a restart knows what was checkpointed', async () => {
    const { intake } = collector;
    await collector.send([templateOf(256, 0)]);
    await until(() => intake.checkpoint.size === 1);
    expect([...intake.checkpoint.keys()]).to.deep.equal(['exporter/127.0.0.1']);
    await collector.stop();
    const checkpoint = new Map([...intake.checkpoint, ['exporter/192.0.2.99', '{"torn']]);
    const again = new RunningCollector({}, checkpoint);
    try {
      again.intake.checkpoint.set('exporter/192.0.2.99', '{"torn');
      await again.send([dataOf(256, 1, 5)]);
      await until(() => again.intake.deliveries.length > 0);
      const { rows } = again.intake.decoded();
      expect(rows.map((row) => row.packets)).to.deep.equal([5]);
      expect(again.intake.counted('bad-checkpoints/udp')).to.equal(1);
      expect([...again.intake.checkpoint.keys()]).to.deep.equal([]);
    } finally {
      await again.stop();
    }
  });

  it('checkpoints what changed, and only that', async () => {
    const { intake } = collector;
    for (const datagram of [templateOf(256, 0), templateOf(256, 1), dataOf(256, 2, 1)]) {
      const before = intake.deliveries.length;
      await collector.send([datagram]);
      await until(() => intake.deliveries.length > before);
    }
    expect(intake.deliveries.map(({ checkpoint }) => checkpoint?.length)).to.deep.equal([1, 0, 0]);
  });

  it('bounds what waits for a slow runner, counts what it drops, and still learns from it', async () => {
    const small = new RunningCollector({ backlog: 1 << 20 });
    const { intake } = small;
    intake.close();
    const big = Buffer.concat([netflow5({}, [{}]), Buffer.alloc(60_000)]);
    await small.send(Array.from({ length: 30 }, () => big));
    await small.send([Buffer.concat([templateOf(256, 0), Buffer.alloc(60_000)])]);
    // 17 of them are a MiB.
    expect(intake.counted('dropped/udp/backlog')).to.equal(14);
    intake.open();
    await until(() => intake.decoded().records === 17);
    await small.send([dataOf(256, 1, 6)]);
    await until(() => intake.decoded().records === 18);
    await small.stop();
    expect(intake.decoded().rejects).to.deep.equal({ 'trailing-bytes': 17 });
    expect(intake.counted('dropped/udp/backlog')).to.equal(14);
  });

  it('counts what the kernel dropped', async function () {
    if (process.platform !== 'linux') {
      process.stdout.write(`      skipped: ${process.platform} does not tell\n`);
      this.skip();
    }
    const small = new RunningCollector({ receiveBuffer: 4096 });
    const { intake } = small;
    try {
      await small.sendAtOnce(Array.from({ length: 200 }, () => netflow5({}, [{}, {}, {}])));
      const dropped = (): number => intake.counted('dropped/udp/kernel');
      await until(() => intake.counted('datagrams/udp') + dropped() === 200);
      expect(dropped()).to.be.greaterThan(0);
    } finally {
      await small.stop();
    }
  });

  it('counts what sequence numbers miss', async () => {
    await collector.send([
      templateOf(256, 10),
      dataOf(256, 11, 1),
      dataOf(256, 14, 1),
      netflow5({ sequence: 100 }, [{}, {}]),
      netflow5({ sequence: 105 }, [{}]),
      netflow5({ sequence: 0, engine: 3 }, [{}]),
      sflow5('203.0.113.7', 0, 7, []),
      sflow5('203.0.113.7', 0, 9, []),
      ipfix({ sequence: 0 }, [set(2, template(300, FIELDS)), set(300, tuple(), counts9())]),
      ipfix({ sequence: 1 }, [set(300, tuple(), counts9(), tuple(), counts9())]),
      ipfix({ sequence: 10 }, [set(300, tuple(), counts9())]),
    ]);
    expect(collector.intake.counted('lost/udp/sequence')).to.equal(2 + 3 + 1 + 7);
  });

  it('flushes when it stops', async () => {
    await collector.send([netflow5({}, [{}])]);
    await collector.stop();
    await collector.stop();
    expect(collector.intake.decoded().records).to.equal(1);
  });

  it('is in the graph by its name, and there has a thread of its own', async () => {
    const port = await freeUdpPort();
    const params = { input: INPUT, host: '127.0.0.1', port };
    const source = makeSource(Buffer.from(JSON.stringify({ source: NETFLOW_SOURCE, params })));
    const intake = new KeptIntake();
    const run = source.run(intake, new Map());
    const sender = createSocket('udp4');
    try {
      // Datagrams that are sent before it listens are lost.
      await until(() => {
        sender.send(netflow5({}, [{}]), port, '127.0.0.1');
        return intake.counted('datagrams/udp') > 0;
      });
    } finally {
      sender.close();
      await source.stop();
      await run;
    }
    expect(intake.decoded().records).to.equal(intake.counted('datagrams/udp'));
  });

  it('says in the graph, too, that it cannot listen', async () => {
    const params = { input: INPUT, host: '192.0.2.1', port: 2055 };
    const source = makeSource(Buffer.from(JSON.stringify({ source: NETFLOW_SOURCE, params })));
    const failure = await source.run(new KeptIntake(), new Map()).then(
      () => 'no failure',
      (error: unknown) => (error as Error).message,
    );
    expect(failure).to.equal('cannot listen at 192.0.2.1 port 2055');
  });

  it('rejects where it cannot listen', async () => {
    const port = await collector.port();
    const second = new NetflowCollector({ input: INPUT, host: '127.0.0.1', port });
    const failure = await second.run(new KeptIntake(), new Map()).catch((error: unknown) => error);
    expect(String(failure)).to.equal(`Error: cannot listen at 127.0.0.1 port ${port}`);
  });

  it('ends with the error of a runner that takes no more', async () => {
    const failing = new KeptIntake();
    failing.deliver = () => Promise.reject(new Error('state cannot be written'));
    const source = new NetflowCollector({ input: INPUT, host: '127.0.0.1', port: 0 });
    const running = source.run(failing, new Map()).catch((error: unknown) => error);
    const { port } = await source.address;
    const socket = createSocket('udp4');
    socket.send(netflow5({}, [{}]), port, '127.0.0.1');
    expect(String(await running)).to.equal('Error: state cannot be written');
    socket.close();
  });

  it('anything may come: all datagrams are delivered or counted', async () => {
    const { intake } = collector;
    const words = fc.array(fc.constantFrom(0, 2, 5, 8, 9, 10, 12, 64, 256, 260, 300, 0xffff), {
      maxLength: 60,
    });
    const samples = fc.sample(words, { numRuns: 300, seed: 7 });
    const datagrams = samples.flatMap((sample) => {
      const body = pack(...sample.map((word) => [word, 2] as const));
      return [body, netflow9({}, [body]), ipfix({}, [body])];
    });
    await collector.send(datagrams);
    await collector.stop();
    const { badPlaces, records, rejects, skips } = intake.decoded();
    expect(badPlaces).to.equal(0);
    const said =
      records +
      Object.values(rejects).reduce((sum, count) => sum + count, 0) +
      Object.values(skips).reduce((sum, count) => sum + count, 0);
    expect(said + intake.counted('dropped/udp/no-template')).to.be.at.least(datagrams.length);
  });
});

describe('sequence gaps', () => {
  it('counts what is missing, by stream', () => {
    const cases = [
      {
        name: 'in order',
        numbers: [
          [0, 30],
          [30, 30],
          [60, 1],
        ],
        lost: 0,
      },
      {
        name: 'one gap',
        numbers: [
          [0, 30],
          [60, 30],
          [90, 1],
        ],
        lost: 30,
      },
      {
        name: 'across the wrap',
        numbers: [
          [2 ** 32 - 10, 10],
          [0, 5],
          [8, 1],
        ],
        lost: 3,
      },
      {
        name: 'overtaken',
        numbers: [
          [0, 1],
          [2, 1],
          [1, 1],
          [3, 1],
        ],
        lost: 1,
      },
      {
        name: 'began again',
        numbers: [
          [4_000_000, 1],
          [0, 1],
          [1, 1],
        ],
        lost: 0,
      },
      {
        name: 'jumped',
        numbers: [
          [1, 1],
          [3_000_000, 1],
          [3_000_001, 1],
        ],
        lost: 0,
      },
      {
        name: 'not told',
        numbers: [
          [0, -1],
          [50, 1],
          [51, 1],
        ],
        lost: 0,
      },
      {
        name: 'counts itself',
        numbers: [
          [24, 24],
          [56, 32],
          [88, 32],
          [90, 2],
        ],
        lost: 0,
      },
    ] as const;
    for (const { name, numbers, lost } of cases) {
      const gaps = new SequenceGaps();
      let sum = 0;
      for (const [sequence, count] of numbers) sum += gaps.take('a', sequence, count);
      expect(sum, name).to.equal(lost);
      expect(gaps.take('b', 5, 1)).to.equal(0);
      // softflowd's IPFIX: 24 flows and a record of options in the first message and in the third.
      const made = [gaps.take('c', 24, 25, 1), gaps.take('c', 56, 32), gaps.take('c', 80, 25, 1)];
      expect([...made, gaps.take('c', 112, 32)]).to.deep.equal([0, 0, 0, 0]);
    }
  });
});

describe('sets that wait for their template', () => {
  it('are handed out in order, once', () => {
    const waiting = new WaitingSets(10_000, 1000);
    waiting.add('a', Buffer.from([1]), 0);
    waiting.add('b', Buffer.from([2]), 1);
    waiting.add('a', Buffer.from([3]), 2);
    expect(
      waiting.take('a').map(({ message, arrivedMs }) => [message[0], arrivedMs]),
    ).to.deep.equal([
      [1, 0],
      [3, 2],
    ]);
    expect(waiting.take('a')).to.deep.equal([]);
    expect(waiting.size).to.equal(1);
  });

  it('go after their time, and the oldest for lack of room', () => {
    const waiting = new WaitingSets(10_000, 1000);
    let dropped = 0;
    for (let i = 0; i < 20; i++)
      dropped += waiting.add(i % 2 === 0 ? 'a' : 'b', Buffer.alloc(744), i);
    expect([dropped, waiting.size]).to.deep.equal([10, 10]);
    expect(waiting.expire(1011)).to.equal(2);
    expect(waiting.take('a').map(({ arrivedMs }) => arrivedMs)).to.deep.equal([12, 14, 16, 18]);
    expect(waiting.expire(Infinity)).to.equal(4);
    expect(waiting.size).to.equal(0);
  });
});

describe('kernel drops', () => {
  const TABLE = [
    '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops',
    '  350: 0100007F:0807 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0000000000000000 12',
    '  351: 00000000:0807 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4712 2 0000000000000000 34',
    '  352: 0100007F:0808 cut',
    '',
  ].join('\n');

  it('are in the row of the socket', () => {
    expect(dropsIn(TABLE, { address: '127.0.0.1', port: 2055 })).to.equal(12);
    expect(dropsIn(TABLE, { address: '0.0.0.0', port: 2055 })).to.equal(34);
    expect(dropsIn(TABLE, { address: '127.0.0.1', port: 2056 })).to.equal(undefined);
    expect(dropsIn('', { address: '127.0.0.1', port: 2056 })).to.equal(undefined);
  });

  it('are none at a socket that was just bound', async function () {
    if (process.platform !== 'linux') {
      process.stdout.write(`      skipped: ${process.platform} does not tell\n`);
      this.skip();
    }
    for (const host of ['127.0.0.1', '::1']) {
      const socket = createSocket({ type: host === '::1' ? 'udp6' : 'udp4', recvBufferSize: 4096 });
      socket.bind(0, host);
      await once(socket, 'listening');
      const bound = socket.address();
      expect(await kernelDrops(bound)).to.equal(0);
      socket.close();
    }
  });
});
