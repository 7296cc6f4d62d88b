import { expect } from 'chai';
import fc from 'fast-check';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Context } from 'mocha';

import { formatAddressAt } from '../../pipeline/address.js';
import { DESTINATION, FLAGS_UNKNOWN, NO_SIDE, SOURCE } from '../../pipeline/codes.js';
import { FlowRow } from '../../transforms/decode/flow-row.js';
import type { RecordSink } from '../../transforms/decode/format.js';
import { nfcapd } from '../../transforms/decode/nfcapd.js';
import { sharedData } from '../shared-data.js';

const NFCAPD = [
  'gre-aruba-nf9',
  'nmap-vsn-nf5',
  'ssh-brute-nf10',
  'ssh-nf9',
  'test-cc-1-nf10',
  'test-cc-1-nf5',
  'test-cc-1-nf9',
  'test7-nf9',
] as const;
const NFPCAPD = ['malicious-ssh-bruteforce', 'test-cc-capture-1', 'test7-malicious'] as const;
const FILES = [
  ...NFCAPD.map((name) => `flows/derived/nfcapd/${name}.nfcapd`),
  ...NFPCAPD.map((name) => `flows/derived/nfcapd-nfpcapd/${name}.nfcapd`),
];

interface Row {
  readonly src: string;
  readonly dst: string;
  readonly srcPort: number;
  readonly dstPort: number;
  readonly protocol: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly packets: number;
  readonly bytes: number;
  readonly tcpFlags: number;
  readonly samplingRate: number;
  readonly sensor: string;
  readonly initiator: number;
}

interface Decoded {
  readonly rows: Row[];
  /** By reason. */
  readonly rejects: Record<string, number>;
  readonly skips: Record<string, number>;
  /** Calls with a place outside the chunk. */
  readonly badPlaces: number;
}

class Collector implements RecordSink {
  readonly row = new FlowRow();
  readonly rows: Row[] = [];
  readonly rejects: Record<string, number> = {};
  readonly skips: Record<string, number> = {};
  badPlaces = 0;
  chunkLength = 0;

  push(start: number, end: number): boolean {
    this.place(start, end);
    this.pushAlso();
    return true;
  }

  pushAlso(): void {
    const { row } = this;
    this.rows.push({
      src: formatAddressAt(row.src.family, row.src.words, 0),
      dst: formatAddressAt(row.dst.family, row.dst.words, 0),
      srcPort: row.srcPort,
      dstPort: row.dstPort,
      protocol: row.protocol,
      startMs: row.startMs,
      endMs: row.endMs,
      packets: row.packets,
      bytes: row.bytes,
      tcpFlags: row.tcpFlags,
      samplingRate: row.samplingRate,
      sensor: row.sensor,
      initiator: row.initiator,
    });
    row.reset();
  }

  reject(reason: string, start: number, end: number): void {
    this.place(start, end);
    this.rejects[reason] = (this.rejects[reason] ?? 0) + 1;
  }

  skip(reason: string): void {
    this.skips[reason] = (this.skips[reason] ?? 0) + 1;
  }

  private place(start: number, end: number): void {
    if (start < 0 || end < start || end > this.chunkLength) this.badPlaces++;
  }
}

/** Reads as the job does: chunks of whole records from a buffer of `bufferSize`, the rest as it is. */
function decodeAll(file: Uint8Array, bufferSize = Infinity): Decoded {
  const head = file.subarray(0, 65_536);
  const begin = nfcapd.preambleLength(head);
  const decoder = nfcapd.decoder(file.subarray(0, begin));
  const sink = new Collector();
  let at = begin;
  let size = bufferSize;
  while (at < file.length) {
    const bytes = file.subarray(at, at + size);
    let length = nfcapd.wholeRecords(bytes);
    if (length === 0) {
      if (at + bytes.length < file.length) {
        size *= 2;
        continue;
      }
      length = bytes.length;
    }
    sink.chunkLength = length;
    decoder.decode(bytes.subarray(0, length), sink);
    at += length;
  }
  return sink;
}

function flagsOf(text: string): number {
  return Array.from(text).reduce((mask, c) => mask * 2 + (c === '.' ? 0 : 1), 0);
}

function isIcmp(protocol: number): boolean {
  return protocol === 1 || protocol === 58;
}

/** What nfdump's JSON says of the columns it has. */
function rowsOfJson(text: string): Partial<Row>[] {
  const trimmed = text.trim();
  const list = (trimmed.startsWith('[') ? trimmed : `[${trimmed}]`).replace(/,\s*\]$/, ']');
  return (JSON.parse(list) as Partial<Record<string, string | number>>[]).map((flow) => ({
    src: String(flow['src4_addr'] ?? flow['src6_addr']),
    dst: String(flow['dst4_addr'] ?? flow['dst6_addr']),
    srcPort: Number(flow['src_port'] ?? 0),
    dstPort: Number(flow['dst_port'] ?? 0),
    protocol: Number(flow['proto']),
    startMs: Date.parse(`${flow['first']}Z`),
    endMs: Date.parse(`${flow['last']}Z`),
    packets: Number(flow['in_packets']),
    bytes: Number(flow['in_bytes']),
    tcpFlags: flagsOf(String(flow['tcp_flags'] ?? '')),
    sensor: String(flow['ip4_router'] ?? flow['ip6_router'] ?? ''),
  }));
}

const PROTOCOLS: Readonly<Partial<Record<string, number>>> = {
  ICMP: 1,
  IGMP: 2,
  TCP: 6,
  UDP: 17,
  GRE: 47,
  ICMP6: 58,
};

/** What nfdump's CSV says; its times are seconds. */
function rowsOfCsv(text: string): Partial<Row>[] {
  return text
    .split('\n')
    .map((line) => line.split(','))
    .filter((cells) => cells.length > 40 && cells[0] !== 'ts')
    .map((cells) => {
      const protocol = PROTOCOLS[cells[7].trim()] ?? Number(cells[7]);
      const sensor = cells[44].trim();
      return {
        startMs: Date.parse(`${cells[0]}Z`),
        endMs: Date.parse(`${cells[1]}Z`),
        src: cells[3],
        dst: cells[4],
        srcPort: isIcmp(protocol) ? 0 : Number(cells[5]),
        dstPort: isIcmp(protocol) ? 0 : Number(cells[6]),
        protocol,
        tcpFlags: flagsOf(cells[8]),
        packets: Number(cells[11]),
        bytes: Number(cells[12]),
        sensor: sensor === '0.0.0.0' ? '' : sensor,
      };
    });
}

/** Only the columns that the oracle has. */
function columnsOf(row: Row, like: Partial<Row>): Partial<Row> {
  return Object.fromEntries(Object.keys(like).map((key) => [key, row[key as keyof Row]]));
}

function expectRows(decoded: Decoded, wanted: readonly Partial<Row>[], toSecond = false): void {
  expect(decoded.rejects).to.deep.equal({});
  expect(decoded.badPlaces).to.equal(0);
  expect(decoded.rows.length).to.equal(wanted.length);
  decoded.rows.forEach((row, i) => {
    const got = toSecond ? { ...row, startMs: second(row.startMs), endMs: second(row.endMs) } : row;
    expect(columnsOf(got, wanted[i]), `row ${i}`).to.deep.equal(wanted[i]);
  });
}

function second(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}

/** The installed nfdump; skips the test, saying so, where there is none, but not in CI. */
function nfdump(test: Context): (args: readonly string[]) => string {
  if (spawnSync('nfdump', ['-V']).status !== 0) {
    if (process.env['CI'] === 'true') throw new Error('nfdump is not installed');
    process.stdout.write('      skipped: nfdump is not installed\n');
    test.skip();
  }
  return (args) =>
    execFileSync('nfdump', args, {
      encoding: 'utf8',
      env: { ...process.env, TZ: 'UTC' },
      maxBuffer: 1 << 28,
    });
}

describe('nfcapd', () => {
  describe('real files', () => {
    for (const name of NFCAPD) {
      it(`${name}: as nfdump's JSON and CSV of the same file`, function () {
        const file = readFileSync(sharedData(this, `flows/derived/nfcapd/${name}.nfcapd`));
        expect(nfcapd.detect(file.subarray(0, 65_536))).to.equal(true);
        const decoded = decodeAll(file);
        const json = sharedData(this, `flows/derived/csv/${name}.json`);
        expectRows(decoded, rowsOfJson(readFileSync(json, 'utf8')));
        const csv = sharedData(this, `flows/derived/csv/${name}.csv`);
        expectRows(decoded, rowsOfCsv(readFileSync(csv, 'utf8')), true);
        expect(decoded.skips).to.include({ exporter: 1, 'exporter-stats': 1, appendix: 2 });
      });
    }

    for (const name of NFPCAPD) {
      it(`${name}: as nfdump's CSV of the same file`, function () {
        const path = sharedData(this, `flows/derived/nfcapd-nfpcapd/${name}`.concat('.nfcapd'));
        const decoded = decodeAll(readFileSync(path));
        expectRows(decoded, rowsOfCsv(readFileSync(path.replace(/nfcapd$/, 'csv'), 'utf8')), true);
      });
    }

    it('all: as the installed nfdump prints them, compressed in each way it can', function () {
      this.timeout(120_000);
      const run = nfdump(this);
      const folder = mkdtempSync(join(tmpdir(), 'nfcapd-test-'));
      try {
        for (const file of FILES) {
          const path = sharedData(this, file);
          const wanted = rowsOfJson(run(['-r', path, '-q', '-o', 'json']));
          expectRows(decodeAll(readFileSync(path)), wanted);
          for (const [option, code] of [
            ['-z', 1],
            ['-j', 2],
            ['-y', 3],
          ] as const) {
            const copy = join(folder, basename(file) + option);
            run(['-r', path, '-w', copy, option]);
            const bytes = readFileSync(copy);
            expect(bytes[16], option).to.equal(code);
            expectRows(decodeAll(bytes), wanted);
          }
        }
      } finally {
        rmSync(folder, { recursive: true });
      }
    });

    it('a two-way record: two rows, as nfdump counts them', function () {
      const run = nfdump(this);
      const path = sharedData(this, 'flows/derived/nfcapd/ssh-brute-nf10.nfcapd');
      const folder = mkdtempSync(join(tmpdir(), 'nfcapd-test-'));
      try {
        const copy = join(folder, 'two-way');
        run(['-r', path, '-b', '-w', copy]);
        const wanted = run(['-r', copy, '-q', '-o', 'csv'])
          .split('\n')
          .map((line) => line.split(','))
          .filter((cells) => cells.length > 40)
          .flatMap(([, , , sa, da, sp, dp, , flags, , , ip, ib, op, ob]) => [
            [sa, da, sp, dp, ip, ib, String(flagsOf(flags))],
            ...(op === '0' ? [] : [[da, sa, dp, sp, op, ob, String(FLAGS_UNKNOWN)]]),
          ]);
        const got = decodeAll(readFileSync(copy)).rows.map((row) =>
          [row.src, row.dst, row.srcPort, row.dstPort, row.packets, row.bytes, row.tcpFlags].map(
            String,
          ),
        );
        expect(got).to.deep.equal(wanted);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });

    it('zstd blocks, which not every nfdump writes', function () {
      const plain = readFileSync(sharedData(this, 'flows/derived/nfcapd/test7-nf9.nfcapd'));
      if (spawnSync('zstd', ['-V']).status !== 0) {
        process.stdout.write('      skipped: zstd is not installed\n');
        this.skip();
      }
      const compressed = recompress(plain, 4, (body) =>
        execFileSync('zstd', ['-q', '-c'], { input: body }),
      );
      expect(compressed.length).to.be.lessThan(plain.length / 2);
      const { rows, rejects } = decodeAll(compressed);
      expect([rows, rejects]).to.deep.equal([decodeAll(plain).rows, {}]);
    });

    it('a file of nfdump 1.6: one reject', function () {
      const file = readFileSync(sharedData(this, 'flows/nfdump/slips-test1-malicious.nfdump'));
      expect(nfcapd.detect(file)).to.equal(true);
      const decoded = decodeAll(file, 65_536);
      expect(decoded.rows).to.deep.equal([]);
      expect(decoded.rejects).to.deep.equal({ 'unsupported-version': 1 });
    });
  });

  describe('made files', () => {
    const flow = { packets: 500, bytes: 50_000 } as const;

    it('divides counts that nfcapd multiplied, by the sampler that it used', () => {
      const cases = [
        { name: 'default', samplers: [[-2, 1, 99]], selector: 0, rate: 100, packets: 5 },
        {
          name: 'generic before default',
          samplers: [
            [-2, 1, 99],
            [-1, 1, 9],
          ],
          selector: 0,
          rate: 10,
          packets: 50,
        },
        {
          name: 'its own before generic',
          samplers: [
            [-1, 1, 9],
            [7, 1, 4],
          ],
          selector: 7,
          rate: 5,
          packets: 100,
        },
        {
          name: 'overwrite before its own',
          samplers: [
            [7, 1, 4],
            [-3, 1, 49],
          ],
          selector: 7,
          rate: 50,
          packets: 10,
        },
        { name: '2 of 10', samplers: [[-1, 2, 8]], selector: 0, rate: 5, packets: 100 },
        { name: 'no sampler', samplers: [], selector: 0, rate: 1, packets: 500 },
      ] as const;
      for (const { name, samplers, selector, rate, packets } of cases) {
        const file = fileOf([
          ...samplers.map(([id, taken, space]) => samplerRecord(1, id, taken, space)),
          flowRecord({ ...flow, flags: 2, exporter: 1, selector }),
        ]);
        const { rows, rejects } = decodeAll(file);
        expect(rejects, name).to.deep.equal({});
        expect(
          rows.map((row) => [row.samplingRate, row.packets, row.bytes]),
          name,
        ).to.deep.equal([[rate, packets, packets * 100]]);
      }
    });

    it('leaves counts alone where nothing was sampled', () => {
      const file = fileOf([samplerRecord(1, -2, 1, 99), flowRecord({ ...flow, exporter: 1 })]);
      const [row] = decodeAll(file).rows;
      expect([row.samplingRate, row.packets]).to.deep.equal([0, 500]);
    });

    it('takes the sensor from the record, else from its exporter record', () => {
      const file = fileOf([
        exporterRecord(3, 0xc0000203),
        flowRecord({ exporter: 3 }),
        flowRecord({ exporter: 3, received: 0xc6336401 }),
        flowRecord({ exporter: 4 }),
      ]);
      const sensors = decodeAll(file).rows.map((row) => row.sensor);
      expect(sensors).to.deep.equal(['192.0.2.3', '198.51.100.1', '']);
    });

    it('knows the initiator by biflowDirection, in both rows', () => {
      for (const [direction, first, second_] of [
        [0, NO_SIDE, NO_SIDE],
        [1, SOURCE, DESTINATION],
        [2, DESTINATION, SOURCE],
        [3, NO_SIDE, NO_SIDE],
      ] as const) {
        const file = fileOf([flowRecord({ direction, outPackets: 4, outBytes: 400 })]);
        const { rows } = decodeAll(file);
        expect(rows.map((row) => row.initiator)).to.deep.equal([first, second_]);
        expect(rows.map((row) => row.packets)).to.deep.equal([1, 4]);
        expect(rows.map((row) => row.src)).to.deep.equal(['192.0.2.1', '192.0.2.2']);
      }
    });

    it('refuses what it cannot read, once a file', () => {
      const good = fileOf([flowRecord({})]);
      for (const [reason, offset, value] of [
        ['encrypted', 17, 1],
        ['unsupported-version', 2, 1],
        ['unsupported-version', 2, 3],
        ['unsupported-compression', 16, 5],
      ] as const) {
        const file = Buffer.from(good);
        file[offset] = value;
        const { rows, rejects } = decodeAll(file);
        expect([rows.length, rejects]).to.deep.equal([0, { [reason]: 1 }]);
      }
      const short = decodeAll(good.subarray(0, 20));
      expect(short.rejects).to.deep.equal({ truncated: 1 });
    });

    it('goes on after a bad record, a bad block and a count that lies', () => {
      const short = flowRecord({});
      short.writeUInt16LE(20, 14);
      const blocks = [
        blockOf([flowRecord({}), short, flowRecord({})]),
        blockOf([Buffer.from([11, 0, 2, 0]), flowRecord({})]),
        blockOf([flowRecord({})], 7),
        blockOf([flowRecord({})]),
      ];
      const { rows, rejects } = decodeAll(Buffer.concat([header(0), ...blocks]));
      expect(rows.length).to.equal(4);
      expect(rejects).to.deep.equal({ 'bad-record': 2, 'bad-block': 1 });
    });

    it('a size that lies ends the chunk with one reject, and never waits for more', () => {
      const lying = blockOf([flowRecord({})]);
      lying.writeUInt32LE(0xffffffff, 4);
      const file = Buffer.concat([header(0), blockOf([flowRecord({})]), lying]);
      expect(nfcapd.wholeRecords(lying)).to.equal(lying.length);
      const { rows, rejects } = decodeAll(file);
      expect([rows.length, rejects]).to.deep.equal([1, { 'bad-block': 1 }]);
    });

    it('a compressed block that is none is one reject, and the next one is read', () => {
      const bad = blockOf([Buffer.alloc(300, 0xee)]);
      const plain = blockOf([flowRecord({})]);
      plain.writeUInt16LE(1, 10);
      for (const compression of [1, 2, 3, 4]) {
        const { rows, rejects } = decodeAll(Buffer.concat([header(compression), bad, plain]));
        expect([rows.length, rejects], `compression ${compression}`).to.deep.equal([
          1,
          { 'bad-block': 1 },
        ]);
      }
    });
  });

  describe('hostile files', () => {
    it('cut at any place: the rows before it, and one reject', function () {
      const file = readFileSync(sharedData(this, 'flows/derived/nfcapd/test7-nf9.nfcapd'));
      const whole = decodeAll(file).rows;
      for (let length = 0; length < file.length; length += 97) {
        const { rows, rejects } = decodeAll(file.subarray(0, length));
        expect(rows).to.deep.equal(whole.slice(0, rows.length));
        const cut = length > 40 && length !== file.length ? { truncated: 1 } : rejects;
        expect(rejects, `length ${length}`).to.deep.equal(cut);
        expect(rows.length).to.be.at.least(Math.floor((length - 100) / 128));
      }
    });

    it('flipped bits: never an exception, places within the chunk', function () {
      this.timeout(120_000);
      const plain = readFileSync(sharedData(this, 'flows/derived/nfcapd/ssh-nf9.nfcapd'));
      const files = [plain, ...compressedCopies(plain)];
      const flips = fc.array(fc.nat(), { minLength: 1, maxLength: 8 });
      fc.assert(
        fc.property(fc.nat(files.length - 1), flips, (which, bits) => {
          const file = Buffer.from(files[which]);
          for (const bit of bits) file[(bit >>> 3) % file.length] ^= 1 << (bit & 7);
          const { rows, badPlaces } = decodeAll(file, 4096);
          expect(rows.length).to.be.at.most(2 * file.length);
          expect(badPlaces).to.equal(0);
        }),
        { numRuns: 1500 },
      );
    });

    it('any bytes after a header: never an exception', () => {
      fc.assert(
        fc.property(fc.nat(4), fc.uint8Array({ maxLength: 600 }), (compression, bytes) => {
          const framed = blockOf([Buffer.from(bytes)]);
          for (const body of [bytes, framed]) {
            expect(decodeAll(Buffer.concat([header(compression), body])).badPlaces).to.equal(0);
          }
        }),
        { numRuns: 1500 },
      );
    });
  });
});

function header(compression: number): Buffer {
  const bytes = Buffer.alloc(40);
  bytes.writeUInt16LE(0xa50c, 0);
  bytes.writeUInt16LE(2, 2);
  bytes[16] = compression;
  return bytes;
}

function blockOf(records: readonly Uint8Array[], count = records.length): Buffer {
  const body = Buffer.concat(records);
  const head = Buffer.alloc(12);
  head.writeUInt32LE(count, 0);
  head.writeUInt32LE(body.length, 4);
  head.writeUInt16LE(3, 8);
  return Buffer.concat([head, body]);
}

function fileOf(records: readonly Uint8Array[]): Buffer {
  return Buffer.concat([header(0), blockOf(records)]);
}

function samplerRecord(exporter: number, id: number, taken: number, space: number): Buffer {
  const bytes = Buffer.alloc(24);
  bytes.writeUInt16LE(15, 0);
  bytes.writeUInt16LE(24, 2);
  bytes.writeUInt16LE(exporter, 4);
  bytes.writeBigInt64LE(BigInt(id), 8);
  bytes.writeUInt32LE(taken, 16);
  bytes.writeUInt32LE(space, 20);
  return bytes;
}

function exporterRecord(id: number, address: number): Buffer {
  const bytes = Buffer.alloc(32);
  bytes.writeUInt16LE(7, 0);
  bytes.writeUInt16LE(32, 2);
  bytes.writeUInt32LE(address, 16);
  bytes.writeUInt16LE(2, 24);
  bytes.writeUInt16LE(id, 26);
  return bytes;
}

interface MadeFlow {
  readonly packets?: number;
  readonly bytes?: number;
  readonly flags?: number;
  readonly exporter?: number;
  readonly selector?: number;
  readonly received?: number;
  readonly direction?: number;
  readonly outPackets?: number;
  readonly outBytes?: number;
}

function flowRecord(made: MadeFlow): Buffer {
  const generic = element(1, 52);
  generic.writeBigUInt64LE(1_700_000_000_000n, 4);
  generic.writeBigUInt64LE(1_700_000_001_000n, 12);
  generic.writeBigUInt64LE(BigInt(made.packets ?? 1), 28);
  generic.writeBigUInt64LE(BigInt(made.bytes ?? 100), 36);
  generic.writeUInt16LE(50_000, 44);
  generic.writeUInt16LE(443, 46);
  generic[48] = 6;
  generic[49] = 0x1b;
  const addresses = element(2, 12);
  addresses.writeUInt32LE(0xc0000201, 4);
  addresses.writeUInt32LE(0xc0000202, 8);
  const elements = [generic, addresses];
  if (made.direction !== undefined) {
    const misc = element(4, 20);
    misc[16] = made.direction;
    elements.push(misc);
  }
  if (made.outPackets !== undefined) {
    const out = element(5, 28);
    out.writeBigUInt64LE(BigInt(made.outPackets), 12);
    out.writeBigUInt64LE(BigInt(made.outBytes ?? 0), 20);
    elements.push(out);
  }
  if (made.received !== undefined) {
    const received = element(12, 8);
    received.writeUInt32LE(made.received, 4);
    elements.push(received);
  }
  if (made.selector !== undefined) {
    const sampler = element(18, 20);
    sampler.writeBigUInt64LE(BigInt(made.selector), 4);
    elements.push(sampler);
  }
  const body = Buffer.concat(elements);
  const head = Buffer.alloc(12);
  head.writeUInt16LE(11, 0);
  head.writeUInt16LE(12 + body.length, 2);
  head.writeUInt16LE(elements.length, 4);
  head.writeUInt16LE(made.exporter ?? 0, 8);
  head[10] = made.flags ?? 0;
  return Buffer.concat([head, body]);
}

function element(id: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUInt16LE(id, 0);
  bytes.writeUInt16LE(length, 2);
  return bytes;
}

/** An uncompressed file with its blocks compressed by `compress`. */
function recompress(plain: Buffer, code: number, compress: (body: Uint8Array) => Buffer): Buffer {
  const fileHeader = Buffer.from(plain.subarray(0, 40));
  fileHeader[16] = code;
  const pieces: Uint8Array[] = [fileHeader];
  for (let at = 40; at < plain.length;) {
    const end = at + 12 + plain.readUInt32LE(at + 4);
    const head = Buffer.from(plain.subarray(at, at + 12));
    const body = compress(plain.subarray(at + 12, end));
    head.writeUInt32LE(body.length, 4);
    pieces.push(head, body);
    at = end;
  }
  return Buffer.concat(pieces);
}

/** What the installed tools can make of a file: with each compression of nfdump, and zstd. */
function compressedCopies(plain: Buffer): Buffer[] {
  const copies: Buffer[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'nfcapd-test-'));
  try {
    const path = join(folder, 'plain');
    writeFileSync(path, plain);
    for (const option of ['-z', '-j', '-y']) {
      const copy = join(folder, `copy${option}`);
      if (spawnSync('nfdump', ['-r', path, '-w', copy, option]).status === 0) {
        copies.push(readFileSync(copy));
      }
    }
    if (spawnSync('zstd', ['-V']).status === 0) {
      copies.push(
        recompress(plain, 4, (body) => execFileSync('zstd', ['-q', '-c'], { input: body })),
      );
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return copies;
}
