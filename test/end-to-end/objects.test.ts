import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { stringify, parse } from 'yaml';
import { loadConfig } from '../../launch/config/config.js';
import { ConfigurationError } from '../../launch/config/configuration-error.js';
import { formatProblem } from '../../launch/config/problem.js';
import { generateNetwork } from '../../launch/generate/generate-network.js';
import { writeNetwork } from '../../launch/generate/write-network.js';
import { runJob, type RunOptions, type RunReport } from '../../launch/run-job.js';
import { GcsOracle, oracleMissing } from '../history/gcs-oracle.js';
import { TestBucket } from '../objects/bucket.js';
import { JobDirectory, NOW, type Output } from './job-directory.js';

/** The files of the network's flows: name and content. */
type Flows = readonly (readonly [name: string, content: Buffer])[];

const DAMAGED = 'in/bad.csv.gz';

/** A network in a directory, and what a run on its local files gives. */
class Network {
  readonly job = new JobDirectory();
  flows: Flows = [];

  constructor() {
    beforeEach(() => {
      const { files } = this.job;
      writeNetwork(files.directory, generateNetwork({ seed: 7, flows: 6000, hours: 4 }));
      const folder = files.path('flows');
      this.flows = readdirSync(folder)
        .sort()
        .map((name) => [name, readFileSync(`${folder}/${name}`)] as const);
    });
  }

  /** Names the inputs of the configuration. */
  readFrom(uri: string, settings: Readonly<Record<string, unknown>> = {}): void {
    const { files } = this.job;
    const config = parse(readFileSync(files.path('flowsieve.yaml'), 'utf8')) as {
      inputs: readonly object[];
    };
    const inputs = [{ ...config.inputs[0], uri, format: 'auto' }];
    files.write('flowsieve.yaml', stringify({ ...config, inputs, ...settings }));
  }

  /** Runs the job where its output is no directory. */
  async runTo(output: string, options: Partial<RunOptions> = {}): Promise<RunReport> {
    const loaded = await loadConfig(this.job.files.path('flowsieve.yaml'), { output });
    if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
    return runJob(loaded.config, { runner: 'local', nowMs: Date.parse(NOW), ...options });
  }
}

function ids({ findings }: Output): string[] {
  return findings.map(({ id }) => id);
}

describe('a job on objects of Cloud Storage', function () {
  this.timeout(300_000);
  const bucket = new TestBucket();
  const network = new Network();
  const { job } = network;

  async function failure(work: Promise<unknown>): Promise<Error> {
    return work.then(
      () => expect.fail('it ran'),
      (error: unknown) => error as Error,
    );
  }

  it('finds what it finds in the same files, packed or not, whole or in ranges', async () => {
    const local = await job.run();
    expect(local.findings.length).to.be.above(20);
    for (const [i, [name, content]] of network.flows.entries()) {
      bucket.put(`plain/${name}`, content);
      bucket.put(`packed/2026-0${i % 9}/${name}.gz`, gzipSync(content));
    }
    for (const uri of ['gs://flows/plain/*.csv', 'gs://flows/packed/**/*.csv.gz']) {
      network.readFrom(uri);
      for (const rangeBytes of [64 << 20, 50_000]) {
        const { findings, rejects, summary } = await job.run({ rangeBytes });
        expect(findings, uri).to.deep.equal(local.findings);
        expect(rejects).to.deep.equal([]);
        expect(summary.records).to.equal(local.summary.records);
      }
    }
  });

  it('loses and doubles nothing where connections break and the service is busy', async () => {
    const local = await job.run();
    for (const [name, content] of network.flows) bucket.put(`plain/${name}`, content);
    network.readFrom('gs://flows/plain/*.csv');
    let requests = 0;
    bucket.server.intercept = (_method, url) =>
      url.searchParams.get('alt') === 'media' && ++requests % 5 === 0 ? 503 : undefined;
    bucket.server.spoil = (_name, content) => ({
      content: content.subarray(0, 100_000),
      then: requests % 2 === 0 ? 'reset' : 'end',
    });
    const output = await job.run({ rangeBytes: 300_000 });
    expect(ids(output)).to.deep.equal(ids(local));
    expect(output.summary.records).to.equal(local.summary.records);
  });

  it('tells what of an object cannot be read, and goes on; --strict does not', async () => {
    const local = await job.run();
    for (const [name, content] of network.flows) bucket.put(`in/${name}`, content);
    const rows = gzipSync(network.flows[0][1]);
    const spoilt = Buffer.from(rows);
    spoilt[Math.floor(rows.length / 2)] ^= 0xff;
    const cases: readonly (readonly [string, Buffer, string])[] = [
      ['file-truncated', rows.subarray(0, rows.length - 100), 'gzip: input ends early'],
      ['file-damaged', spoilt, 'gzip: '],
      ['file-of-unknown-format', Buffer.from('no flows at all\n'), 'no flows at all'],
    ];
    network.readFrom('gs://flows/in/*');
    for (const [reason, content, sample] of cases) {
      bucket.put(DAMAGED, content);
      const { rejects, findings } = await job.run();
      expect(rejects.filter((reject) => reject.reason === reason).length, reason).to.equal(1);
      const [reject] = rejects.filter((one) => one.reason === reason);
      expect(reject.file).to.equal(`gs://flows/${DAMAGED}`);
      expect(reject.sample).to.include(sample);
      expect(findings.length).to.be.at.least(local.findings.length);
      const error = await failure(job.run({ strict: true }));
      expect(error.message).to.include(
        `--strict: an input cannot be read whole: ${reason}: gs://flows/${DAMAGED}`,
      );
    }
  });

  it('tells objects that are gone, replaced or damaged since they were listed', async () => {
    for (const [name, content] of network.flows) bucket.put(`in/${name}`, content);
    const local = await job.run();
    network.readFrom('gs://flows/in/*');
    const content = network.flows[0][1];
    for (const [reason, spoil] of [
      ['file-not-found', () => bucket.server.bucket('flows').delete('in/zz.csv')],
      ['file-changed', () => bucket.put('in/zz.csv', `${content.toString()}\n`)],
    ] as const) {
      bucket.put('in/zz.csv', content);
      // Just before it is asked for, after the check of the inputs and the list.
      bucket.server.intercept = (_method, url) => {
        const media = url.searchParams.get('alt') === 'media';
        if (media && url.pathname.endsWith(encodeURIComponent('in/zz.csv'))) spoil();
        return undefined;
      };
      const output = await job.run();
      bucket.server.intercept = () => undefined;
      expect(output.rejects.map((reject) => [reject.reason, reject.file])).to.deep.equal([
        [reason, 'gs://flows/in/zz.csv'],
      ]);
      expect(ids(output)).to.deep.equal(ids(local));
    }
    bucket.server.bucket('flows').delete('in/zz.csv');
    bucket.server.put('flows', 'in/zz.csv', content, {}, { md5Hash: 'AAAAAAAAAAAAAAAAAAAAAA==' });
    const { rejects } = await job.run();
    expect(rejects.map(({ reason }) => reason)).to.deep.equal(['file-wrong-checksum']);
    const error = await failure(job.run({ strict: true }));
    expect(error.message).to.match(
      /--strict: .*file-wrong-checksum: gs:\/\/flows\/in\/zz\.csv: its bytes have the md5/,
    );
  });

  it('writes its output to a bucket, the same bytes each time', async () => {
    const local = await job.run();
    for (const [name, content] of network.flows) bucket.put(`in/${name}`, content);
    network.readFrom('gs://flows/in/*.csv');
    const texts = (): Record<string, string> =>
      Object.fromEntries(
        [...bucket.server.bucket('flows')]
          .filter(([name]) => name.startsWith('out/'))
          .map(([name, { content }]) => [name, content.toString()]),
      );
    await network.runTo('gs://flows/out');
    const first = texts();
    expect(Object.keys(first).sort()).to.deep.equal(
      ['findings', 'notices', 'rejects']
        .map((name) => `out/${name}.ndjson`)
        .concat('out/summary.json'),
    );
    expect(first['out/findings.ndjson']).to.equal(local.texts.findings);
    await network.runTo('gs://flows/out/');
    expect(texts()).to.deep.equal(first);
  });

  it('says before it runs what is missing in a bucket', async () => {
    network.readFrom('gs://flows/none/*.csv');
    expect(await failure(job.run())).to.be.instanceOf(ConfigurationError);
    expect((await failure(job.run())).message).to.equal('no object matches gs://flows/none/*.csv');
    bucket.put('in/a.csv', network.flows[0][1]);
    network.readFrom('gs://flows/in/*');
    bucket.server.intercept = (_method, url) => (url.searchParams.has('alt') ? 403 : undefined);
    expect((await failure(job.run())).message)
      .to.include('gs://flows/in/a.csv: ')
      .and.include('403');
    bucket.server.intercept = (method) => (method === 'POST' ? 403 : undefined);
    const error = await failure(network.runTo('gs://flows/out'));
    expect(error).to.be.instanceOf(ConfigurationError);
    expect(error.message).to.include('roles/storage.objectUser');
  });

  it('refuses an output that would replace an input, and inputs that are followed', async () => {
    network.readFrom('gs://flows/out/*.ndjson');
    expect((await failure(network.runTo('gs://flows/out'))).message).to.include(
      'the input "gs://flows/out/findings.ndjson" would be overwritten',
    );
    const loaded = await loadConfig(job.files.path('flowsieve.yaml'), { streaming: true });
    expect(loaded.ok ? [] : loaded.problems.map(({ message }) => message)).to.include(
      'expected what can be followed, got "gs://flows/out/*.ndjson": objects are read only without --streaming',
    );
  });
});

describe('a job on files that cannot be read whole', function () {
  this.timeout(300_000);
  const network = new Network();
  const { job } = network;

  it('goes on without them; with --strict it ends with 1 and says which', async () => {
    const packed = gzipSync(network.flows[0][1]);
    job.files.write('flows/zz.csv.gz', packed.subarray(0, packed.length - 9));
    network.readFrom('flows/*');
    const { rejects } = await job.run();
    expect(rejects.map(({ reason }) => reason)).to.deep.equal(['file-truncated']);
    const ran = await job.command('run', 'flowsieve.yaml', '--output', 'strict', '--strict');
    expect(ran.code).to.equal(1);
    expect(ran.stderr).to.match(
      /--strict: an input cannot be read whole: file-truncated: .*zz\.csv\.gz/,
    );
    expect(() => readFileSync(job.files.path('strict/findings.ndjson'))).to.throw('ENOENT');
  });
});

describe('a job on objects of fake-gcs-server', function () {
  this.timeout(300_000);
  const oracle = new GcsOracle();
  const network = new Network();
  const host = process.env['STORAGE_EMULATOR_HOST'];

  before(async function () {
    const missing = oracleMissing();
    if (missing !== undefined) {
      if (process.env['CI'] === 'true') throw new Error(missing);
      process.stdout.write(`    skipped: ${missing}\n`);
      this.skip();
    }
    await oracle.start();
  });
  after(() => oracle.stop());
  afterEach(() => {
    if (host === undefined) delete process.env['STORAGE_EMULATOR_HOST'];
    else process.env['STORAGE_EMULATOR_HOST'] = host;
  });

  it('reads and writes there what it reads and writes here', async () => {
    const local = await network.job.run();
    process.env['STORAGE_EMULATOR_HOST'] = oracle.endpoint;
    await oracle.makeBucket('flows');
    for (const [i, [name, content]] of network.flows.entries()) {
      const [object, body] =
        i % 2 === 0 ? [`in/${name}`, content] : [`in/${name}.gz`, gzipSync(content)];
      const url = `${oracle.endpoint}/upload/storage/v1/b/flows/o?uploadType=media&name=${encodeURIComponent(object)}`;
      const answer = await fetch(url, { method: 'POST', body: new Uint8Array(body) });
      expect(answer.status).to.equal(200);
    }
    network.readFrom('gs://flows/in/*.csv*');
    const report = await network.runTo('gs://flows/out', { rangeBytes: 300_000 });
    expect(report.rejects).to.deep.equal({});
    await network.runTo('gs://flows/out');
    const answer = await fetch(
      `${oracle.endpoint}/storage/v1/b/flows/o/${encodeURIComponent('out/findings.ndjson')}?alt=media`,
    );
    expect(await answer.text()).to.equal(local.texts.findings);
  });
});
