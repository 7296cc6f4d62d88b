import { once } from 'node:events';
import {
  chmodSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { readManifest } from '../../reference/snapshot.js';
import { JobDirectory, NOW } from './job-directory.js';

const HEADER = 'start_ms,end_ms,src_ip,dst_ip,src_port,dst_port,protocol,packets,bytes,tcp_flags';
const START = Date.UTC(2024, 3, 20, 12);
/** A connection of the customer to the listed remote: whatever else is in the input, it must be found. */
const HIT = flow(START);

function flow(startMs: number, port = 50_000): string {
  return `${startMs},${startMs + 1000},192.0.2.10,203.0.113.7,${port},443,6,12,4000,.AP.SF`;
}

function csv(...rows: readonly string[]): string {
  return `${[HEADER, ...rows].join('\n')}\n`;
}

/** Rows that do not compress well, so that a cut is in the middle of them. */
function manyRows(count: number): string[] {
  return Array.from({ length: count }, (_, i) => flow(START + ((i * 7919) % 86_400_000), 1024 + i));
}

/** Bytes that look random and are the same on every run. */
function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = 12345;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

interface BadFile {
  readonly name: string;
  readonly content: () => string | Uint8Array;
  /** Settings of the input. */
  readonly input?: Readonly<Record<string, unknown>>;
  /** Of summary.json. */
  readonly records: number | 'some';
  readonly rejects: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Of the bad file alone; the good one beside it gives one more. */
  readonly found: 0 | 1;
}

const zipped = gzipSync(csv(...manyRows(40_000)));
const damaged = Buffer.from(zipped);
damaged.fill(0xff, damaged.length >> 1, (damaged.length >> 1) + 64);

const BAD_FILES: readonly BadFile[] = [
  { name: 'an empty file', content: () => '', records: 0, rejects: {}, found: 0 },
  { name: 'an empty gzip file', content: () => gzipSync(''), records: 0, rejects: {}, found: 0 },
  { name: 'a header and no rows', content: () => csv(), records: 0, rejects: {}, found: 0 },
  {
    name: 'a truncated gzip file: what was whole is read',
    content: () => zipped.subarray(0, zipped.length >> 1),
    records: 'some',
    rejects: { csv: { 'file-truncated': 1 } },
    found: 1,
  },
  {
    name: 'a damaged gzip file: what came before is read',
    content: () => damaged,
    records: 'some',
    rejects: { csv: { 'file-damaged': 1 } },
    found: 1,
  },
  {
    name: 'a gzip file of three bytes',
    content: () => zipped.subarray(0, 3),
    records: 0,
    rejects: { unknown: { 'file-truncated': 1 } },
    found: 0,
  },
  {
    name: 'binary garbage',
    content: () => noise(300_000),
    records: 0,
    rejects: { unknown: { 'file-of-unknown-format': 1 } },
    found: 0,
  },
  {
    name: 'other columns than flows have',
    content: () => 'name,colour\napple,red\n',
    records: 0,
    rejects: { unknown: { 'file-of-unknown-format': 1 } },
    found: 0,
  },
  {
    name: 'dates of 1970 and 2100',
    content: () => csv(flow(0), flow(1), flow(Date.UTC(2100, 0, 1)), flow(START)),
    records: 4,
    rejects: { csv: { 'time-out-of-range': 3 } },
    found: 1,
  },
  {
    name: 'rows of too few fields, with no address, and no flow at all',
    content: () => csv('1,2,3', HIT.replace('203.0.113.7', '203.0.113'), 'x'.repeat(300), HIT),
    records: 4,
    rejects: { csv: { 'bad-address': 1, 'missing-column': 2 } },
    found: 1,
  },
];

describe('bad input', function () {
  this.timeout(120_000);
  const job = new JobDirectory();

  beforeEach(() => {
    job.files.write('customers.csv', 'customer,cidr\nacme,192.0.2.0/24\n');
    job.files.write('c2.txt', '203.0.113.7\n');
    job.files.write('good.csv', csv(flow(START, 60_000)));
  });

  function configure(inputs: readonly Readonly<Record<string, unknown>>[], more = {}): void {
    job.configure({
      customers: 'customers.csv',
      inputs,
      reference: {
        feeds: [
          { name: 'my-c2', kind: 'tags', category: 'c2', format: 'address-list', uri: 'c2.txt' },
        ],
      },
      ...more,
    });
  }

  const run = (...args: readonly string[]) =>
    job.command('run', 'flowsieve.yaml', '--now', NOW, ...args);

  for (const { name, content, input, records, rejects, found } of BAD_FILES) {
    it(`${name}: ends with 0, is counted, and costs no other file its findings`, async () => {
      const path = job.files.write('bad.bin', content());
      configure([{ uri: 'bad.bin', ...input }, { uri: 'good.csv' }]);
      const { code, stdout, stderr } = await run();
      expect({ code, stdout }, stderr).to.deep.equal({ code: 0, stdout: '' });
      const { summary, findings, rejects: lines } = job.output();
      if (records === 'some') expect(summary.records).to.be.within(1000, 40_000);
      else expect(summary.records).to.equal(records + 1);
      for (const [format, reasons] of Object.entries(rejects)) {
        expect(summary.rejects[format]).to.include(reasons);
        for (const reason of Object.keys(reasons)) expect(stderr).to.include(`${format} ${reason}`);
      }
      if (Object.keys(rejects).length === 0) expect(summary.rejects).to.deep.equal({});
      for (const { file, sample } of lines) {
        expect(file).to.equal(path);
        expect(sample.length).to.be.at.most(200);
      }
      expect(findings[0].filter).to.equal('known-bad-remote');
      if (found === 0) expect(findings.map((finding) => finding.conversations)).to.deep.equal([1]);
      else expect(findings[0].conversations).to.be.at.least(2);
    });
  }

  it('a line of 100 MB is one reject, in memory that does not hold it', async () => {
    const path = job.files.write('bad.csv', `${HEADER}\n${flow(START)}\n`);
    const stream = createWriteStream(path, { flags: 'a' });
    const piece = Buffer.alloc(1 << 20, 'x');
    for (let i = 0; i < 100; i++) if (!stream.write(piece)) await once(stream, 'drain');
    stream.end(`\n${flow(START, 50_001)}\n`);
    await once(stream, 'close');
    configure([{ uri: 'bad.csv' }]);
    const { code, maxRssBytes, stderr } = await run();
    expect(code, stderr).to.equal(0);
    const { summary, findings, rejects } = job.output();
    expect(summary.rejects).to.deep.equal({ csv: { 'record-too-long': 1 } });
    expect(summary.records).to.equal(3);
    // What comes before and after the line is read.
    expect(findings.map((finding) => finding.conversations)).to.deep.equal([2]);
    expect(rejects[0]).to.include({ offset: HEADER.length + flow(START).length + 2 });
    expect(rejects[0].sample).to.equal('x'.repeat(200));
    expect(maxRssBytes).to.be.below(400 * 2 ** 20);
  });

  it('100 MB without a line feed in gzip are one reject too', async () => {
    job.files.write('bad.csv.gz', gzipSync(`${csv(flow(START))}${'x'.repeat(100 << 20)}`));
    configure([{ uri: 'bad.csv.gz' }]);
    const { code, maxRssBytes, stderr } = await run();
    expect(code, stderr).to.equal(0);
    expect(job.output().summary.rejects).to.deep.equal({ csv: { 'record-too-long': 1 } });
    expect(job.output().findings).to.have.length(1);
    expect(maxRssBytes).to.be.below(400 * 2 ** 20);
  });

  it('a file that may not be read is a reject', async function () {
    if (process.getuid?.() === 0) {
      process.stdout.write('      skipped: permissions do not hold for the super-user\n');
      this.skip();
    }
    chmodSync(job.files.write('bad.csv', csv(flow(START))), 0);
    configure([{ uri: 'bad.csv' }, { uri: 'good.csv' }]);
    const { code, stderr } = await run();
    expect(code, stderr).to.equal(0);
    expect(job.output().summary.rejects).to.deep.equal({ unknown: { 'file-not-permitted': 1 } });
  });

  it('lines of a feed that cannot be read are counted in its manifest, and the job runs', async () => {
    job.files.write('c2.txt', '# c2\n203.0.113.7\n300.1.2.3\n203.0.113.0/33\nnot an address\n\n');
    configure([{ uri: 'good.csv' }]);
    const { code, stderr } = await run();
    expect(code, stderr).to.equal(0);
    expect(job.output().findings).to.have.length(1);
    const { feeds } = await readManifest(job.files.path('snapshot'));
    const feed = feeds.find(({ name }) => name === 'my-c2');
    expect(feed).to.deep.include({ read: 4, kept: 1, rejected: { 'bad-address': 3 } });
    expect(feed?.samples.map(({ line }) => line)).to.deep.equal([3, 4, 5]);
    expect(stderr).to.include('note: 3 of 4 entries of the feed my-c2 cannot be read');
  });

  interface Misconfigured {
    readonly name: string;
    readonly prepare?: () => void;
    readonly inputs?: readonly Readonly<Record<string, unknown>>[];
    readonly settings?: Readonly<Record<string, unknown>>;
    readonly args?: readonly string[];
    readonly message: RegExp;
  }
  const MISCONFIGURED: readonly Misconfigured[] = [
    {
      name: 'a customer file that is not there',
      settings: { customers: 'custmers.csv' },
      message: /customers: .*custmers\.csv.*there is no such file/,
    },
    {
      name: 'the name of a filter that there is not',
      settings: { filters: { 'known-bad-remotes': { enabled: true } } },
      message: /filters\.known-bad-remotes: .*did you mean "?known-bad-remote"?/,
    },
    {
      name: 'an input that is not there',
      inputs: [{ uri: 'missing.csv' }],
      message: /inputs\[0\]\.uri: there is no file ".*missing\.csv"/,
    },
    {
      name: 'a glob that nothing matches',
      inputs: [{ uri: '*.nfcapd' }],
      message: /inputs\[0\]\.uri: no file matches ".*\*\.nfcapd"/,
    },
    {
      name: 'an input of the command line that is not there',
      args: ['--input', 'missing.csv'],
      message: /--input: there is no file ".*missing\.csv"/,
    },
    {
      name: 'a folder as input',
      prepare: () => mkdirSync(job.files.path('folder')),
      inputs: [{ uri: 'folder' }],
      message: /inputs\[0\]\.uri: expected a file, got the folder ".*folder"; .*folder\/\*/,
    },
    {
      name: 'an output that is a file',
      prepare: () => job.files.write('out', 'mine'),
      message: /output: expected a directory, got the file ".*out"/,
    },
    {
      name: 'an output directory that cannot be made',
      prepare: () => job.files.write('plain', ''),
      settings: { output: 'plain/out' },
      message: /output: expected a directory that can be written, got ENOTDIR: .*plain.out/,
    },
    {
      name: 'an input that the findings would overwrite',
      prepare: () => job.files.write('findings.ndjson', ''),
      inputs: [{ uri: 'findings.ndjson' }],
      settings: { output: '.' },
      message: /output: the input ".*findings\.ndjson" would be overwritten/,
    },
    {
      name: 'a device as input',
      inputs: [{ uri: '/dev/null' }],
      message: /inputs\[0\]\.uri: expected a file, got the pipe or device/,
    },
    {
      name: 'a customer file without one customer',
      prepare: () => job.files.write('customers.csv', 'customer,cidr\nacme,10.1.0.0/33\n'),
      message: /none of the 1 lines of "customers\.csv" .*line 2: "acme,10\.1\.0\.0\/33"/,
    },
    {
      name: 'a word for exclusive that is none',
      prepare: () =>
        job.files.write(
          'customers.csv',
          'customer,cidr,exclusive\nacme,10.1.0.0/16,maybe\nb,10.2.0.0/16,\n',
        ),
      message: /customers\.csv:2: .*"acme,10\.1\.0\.0\/16,maybe" \(bad-exclusive\)/,
    },
    {
      name: 'a suppression without owner',
      prepare: () =>
        job.files.write('suppressions.yaml', '- { remote: 203.0.113.7, reason: our own test }\n'),
      settings: { suppressions: 'suppressions.yaml' },
      message: /suppressions\.yaml:1: \[0\]\.owner: expected an owner: /,
    },
    {
      name: 'a suppression without reason',
      prepare: () =>
        job.files.write('suppressions.yaml', '- { remote: 203.0.113.7, owner: ann }\n'),
      settings: { suppressions: 'suppressions.yaml' },
      message: /suppressions\.yaml:1: \[0\]\.reason: expected a reason: /,
    },
    {
      name: 'a format that there is not',
      inputs: [{ uri: 'good.csv', format: 'pcap' }],
      message: /inputs\[0\]\.format: .*"pcap"/,
    },
    { name: 'a time that is none', args: ['--now', 'yesterday'], message: /--now: .*"yesterday"/ },
  ];
  for (const { name, prepare, inputs, settings, args = [], message } of MISCONFIGURED) {
    it(`${name}: ends with 2, says so, and nothing is run`, async () => {
      prepare?.();
      configure(inputs ?? [{ uri: 'good.csv' }], settings);
      const { code, stdout, stderr } = await run(...args);
      expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' });
      expect(stderr).to.match(message);
      expect(stderr).to.match(/\d problems?; nothing was run\n$/);
      expect(existsSync(job.files.path('out/summary.json'))).to.equal(false);
    });
  }

  it('all that is wrong in the settings is told in one go', async () => {
    configure([{ uri: 'good.csv' }], {
      filters: { 'honeypot-contacts': {} },
      window: '5 minutes',
    });
    const { code, stderr } = await run();
    expect(code).to.equal(2);
    expect(stderr).to.match(/window: expected a duration .*, got "5 minutes"/);
    expect(stderr).to.match(/filters\.honeypot-contacts: .*did you mean "honeypot-contact"/);
    expect(stderr).to.match(/2 problems; nothing was run/);
  });

  it('a line of the customer file that is no network: ends with 2, its place and text', async () => {
    job.files.write('customers.csv', 'customer,cidr\nacme,192.0.2.0/24\nbeta,198.51.100.0/42\n');
    configure([{ uri: 'good.csv' }]);
    const { code, stderr } = await run();
    expect({ code, stderr }).to.deep.equal({
      code: 2,
      stderr:
        'customers.csv:3: expected customer,cidr[,exclusive], got "beta,198.51.100.0/42" (bad-address)\n' +
        '1 problem; nothing was run\n',
    });
    expect(existsSync(job.files.path('out/summary.json'))).to.equal(false);
  });

  describe('a snapshot whose tables are damaged', () => {
    const damages = [
      ['cut', (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1)],
      ['empty', () => Buffer.alloc(0)],
      ['overwritten', (bytes: Buffer) => noise(bytes.length)],
      ['one bit off', (bytes: Buffer) => Buffer.from(bytes.map((b, i) => (i === 40 ? b ^ 1 : b)))],
    ] as const;
    for (const [name, damage] of damages) {
      it(`${name}: is built again`, async () => {
        configure([{ uri: 'good.csv' }]);
        expect((await run()).code).to.equal(0);
        const before = job.output().texts;
        const snapshot = job.files.path('snapshot');
        const names = readdirSync(snapshot, { recursive: true, encoding: 'utf8' });
        for (const file of names) {
          const path = join(snapshot, file);
          if (statSync(path).isFile()) writeFileSync(path, damage(readFileSync(path)));
        }
        const { code, stderr } = await run();
        expect(code, stderr).to.equal(0);
        expect(job.output().texts).to.deep.equal(before);
      });
    }
  });

  describe('hostile names', () => {
    const NAMES = [
      '__proto__',
      'constructor',
      'toString',
      '\u001b[31mred',
      'a\u202eb',
      '../../etc',
      '<script>',
    ];
    const flows = NAMES.map((name, i) =>
      [flow(START, 40_000 + i).replace('192.0.2.10', `192.0.2.${i * 16 + 1}`), name].join(),
    );

    it('of customers and sensors stand in the findings as they are, and on the terminal escaped', async () => {
      const rows = NAMES.map((name, i) => `${name},192.0.2.${i * 16}/28`);
      job.files.write('customers.csv', `customer,cidr\n${rows.join('\n')}\n`);
      job.files.write('hostile.csv', `${HEADER},sensor\n${flows.join('\n')}\n`);
      configure([{ uri: 'hostile.csv' }]);
      // Written by hand: in a literal, __proto__ is not a key.
      const yaml = readFileSync(job.files.path('flowsieve.yaml'), 'utf8');
      const policies =
        'policies:\n  __proto__: { known-bad-remote: { categories: [] } }\n  "\\u001b[2J": {}\n';
      job.files.write('flowsieve.yaml', yaml + policies);
      const { code, stdout, stderr } = await run();
      expect({ code, stdout }, stderr).to.deep.equal({ code: 0, stdout: '' });
      expect(stderr).to.include('policies name the customer \\u001b[2J, who has no addresses');
      expect(stderr).to.match(/^[\n\x20-\x7e]*$/);
      const { findings, summary } = job.output();
      expect(summary.rejects).to.deep.equal({});
      // The policy of __proto__ holds for that customer and nobody else.
      const rest = NAMES.filter((name) => name !== '__proto__').sort();
      expect(findings.map(({ customer }) => customer)).to.deep.equal(rest);
      for (const { customer, sensors } of findings) expect(sensors).to.deep.equal([customer]);
      const red = findings.find(({ customer }) => customer.endsWith('red'));
      const explained = await job.command('explain', 'out', red?.id ?? '');
      expect(explained.code, explained.stderr).to.equal(0);
      expect(explained.stdout).to.include('\\u001b[31mred');
      expect(explained.stdout).to.match(/^[\n\x20-\x7e]*$/);
    });

    it('of sensors with 10,000 characters or a line feed cost no more than their record', async () => {
      const long = 'n'.repeat(10_000);
      const rows = [`${flow(START)},${long}`, `${flow(START, 50_001)},"new\nline"`];
      job.files.write('hostile.csv', `${HEADER},sensor\n${rows.join('\n')}\n`);
      configure([{ uri: 'hostile.csv' }, { uri: 'good.csv' }]);
      const { code, stderr } = await run();
      expect(code, stderr).to.equal(0);
      const { findings, summary } = job.output();
      // A quoted field does not go over lines: what is cut through is two rejects.
      expect(summary.rejects).to.deep.equal({ csv: { 'bad-quote': 1, 'missing-column': 1 } });
      expect(findings.map(({ conversations }) => conversations)).to.deep.equal([2]);
      expect(findings[0].sensors).to.deep.equal([long.slice(0, 255), 'unnamed']);
    });

    it('of customers with 10,000 characters end with 2', async () => {
      const long = 'n'.repeat(10_000);
      job.files.write('customers.csv', `customer,cidr\n${long},192.0.2.0/24\n`);
      configure([{ uri: 'good.csv' }]);
      const { code, stderr } = await run();
      expect(code).to.equal(2);
      expect(stderr).to.match(/none of the 1 lines of "customers\.csv" is a customer's network/);
      expect(stderr.length).to.be.below(1000);
    });

    it('of feeds are refused', async () => {
      const feed = { kind: 'tags', category: 'c2', format: 'address-list', uri: 'c2.txt' };
      for (const name of ['__proto__', 'a\nb', 'f'.repeat(10_000), '\u001b[2J']) {
        configure([{ uri: 'good.csv' }], { reference: { feeds: [{ name, ...feed }] } });
        const { code, stderr } = await run();
        expect(code).to.equal(2);
        expect(stderr).to.match(/reference\.feeds\[0\]\.name: expected a feed name of letters/);
        expect(stderr).to.match(/^[\n\x20-\x7e]{1,1000}$/);
      }
    });
  });
});
