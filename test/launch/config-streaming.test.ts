import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { loadConfig, type Config, type Overrides } from '../../launch/config/config.js';
import { formatProblem } from '../../launch/config/problem.js';
import { TemporaryFiles } from './temporary-files.js';

const SUBSCRIPTION = 'pubsub://projects/acme-flows/subscriptions/edge';

describe('configuration of a stream', () => {
  const files = new TemporaryFiles();

  beforeEach(() => {
    files.write('customers.csv', 'customer,cidr\nacme,192.0.2.0/24\n');
    files.write('flows.csv', '');
  });

  function yaml(uri: string, more = '', input = ''): string {
    return `customers: customers.csv\ninputs: [{ uri: "${uri}"${input} }]\n${more}`;
  }

  async function load(text: string, overrides: Overrides = { streaming: true }): Promise<Config> {
    const result = await loadConfig(files.write('flowsieve.yaml', text), overrides);
    if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
    return result.config;
  }

  /** Everything wrong, with the test's directory left out. */
  async function problems(
    text: string,
    overrides: Overrides = { streaming: true },
  ): Promise<string[]> {
    const result = await loadConfig(files.write('flowsieve.yaml', text), overrides);
    if (result.ok) return [];
    return result.problems.map((problem) =>
      formatProblem(problem)
        .replaceAll(`${files.directory}/`, '')
        .replace(/^\S*flowsieve\.yaml/, 'flowsieve.yaml'),
    );
  }

  async function warnings(text: string): Promise<readonly string[]> {
    const result = await loadConfig(files.write('flowsieve.yaml', text), { streaming: true });
    if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
    return result.warnings;
  }

  describe('inputs', () => {
    const live = [
      [SUBSCRIPTION, { kind: 'pubsub', subscription: 'projects/acme-flows/subscriptions/edge' }],
      [
        'pubsub://projects/example.com:flows/subscriptions/a.b~c+d%e',
        { kind: 'pubsub', subscription: 'projects/example.com:flows/subscriptions/a.b~c+d%e' },
      ],
      ['netflow://127.0.0.1:2055', { kind: 'netflow', host: '127.0.0.1', port: 2055 }],
      ['netflow://[::]:65535', { kind: 'netflow', host: '::', port: 65535 }],
      ['netflow://[2001:db8::1]:1', { kind: 'netflow', host: '2001:db8::1', port: 1 }],
      ['-', { kind: 'stdin' }],
    ] as const;
    for (const [uri, location] of live) {
      it(`${uri} is read`, async () => {
        const [input] = (await load(yaml(uri))).inputs;
        expect(input.location).to.deep.equal(location);
        expect(input.files).to.deep.equal([]);
        expect(input.format).to.equal(location.kind === 'netflow' ? 'netflow' : 'auto');
      });

      it(`${uri} is not read in batch`, async () => {
        expect(await problems(yaml(uri), {})).to.deep.equal([
          `flowsieve.yaml:2: inputs[0].uri: expected files, got "${uri}", which is read only with --streaming`,
        ]);
      });
    }

    const PUBSUB = 'expected pubsub://projects/PROJECT/subscriptions/SUBSCRIPTION, got';
    const NETFLOW =
      'expected netflow://ADDRESS:PORT, such as netflow://127.0.0.1:2055 or netflow://[::]:2055, got';
    const wrong = [
      ['pubsub://edge', PUBSUB],
      ['pubsub://projects/acme-flows/topics/edge', PUBSUB],
      ['pubsub://projects/acme-flows/subscriptions/', PUBSUB],
      ['pubsub://projects/acme-flows/subscriptions/ab', PUBSUB],
      ['pubsub://projects/acme-flows/subscriptions/google', PUBSUB],
      ['pubsub://projects/acme-flows/subscriptions/edge/more', PUBSUB],
      ['pubsub://projects/../subscriptions/edge', PUBSUB],
      ['netflow://127.0.0.1', NETFLOW],
      ['netflow://127.0.0.1:0', NETFLOW],
      ['netflow://127.0.0.1:65536', NETFLOW],
      ['netflow://127.0.0.256:2055', NETFLOW],
      ['netflow://localhost:2055', NETFLOW],
      ['netflow://::1:2055', NETFLOW],
      ['netflow://[127.0.0.1]:2055', NETFLOW],
      ['netflow://:2055', NETFLOW],
      ['netflow://127.0.0.1:2055/', NETFLOW],
    ] as const;
    for (const [uri, expected] of wrong) {
      it(`${uri} is refused`, async () => {
        expect(await problems(yaml(uri))).to.deep.equal([
          `flowsieve.yaml:2: inputs[0].uri: ${expected} "${uri}"`,
        ]);
      });
    }

    it('files, folders and globs are followed, whether anything is there yet or not', async () => {
      mkdirSync(files.path('spool'));
      const uris = ['flows.csv', 'later.csv', '*.nfcapd', 'spool', 'later/'];
      const inputs = uris.map((uri) => `  - { uri: "${uri}" }\n`).join('');
      const config = await load(`customers: customers.csv\ninputs:\n${inputs}`);
      expect(config.inputs.map(({ location }) => location)).to.deep.equal([
        { kind: 'file', path: files.path('flows.csv') },
        { kind: 'file', path: files.path('later.csv') },
        { kind: 'glob', pattern: files.path('*.nfcapd') },
        { kind: 'directory', path: files.path('spool') },
        { kind: 'directory', path: files.path('later') },
      ]);
      expect(config.inputs.map((input) => input.files)).to.deep.equal([[], [], [], [], []]);
    });

    it('a file:// URL may name a folder', async () => {
      const [{ location }] = (await load(yaml(`file://${files.directory}`))).inputs;
      expect(location).to.deep.equal({ kind: 'directory', path: files.directory });
    });

    for (const mode of [{}, { streaming: true }]) {
      it(`a pipe by name is refused ${mode.streaming === true ? 'in streaming' : 'in batch'}`, async () => {
        execFileSync('mkfifo', [files.path('pipe')]);
        expect(await problems(yaml('pipe'), mode)).to.deep.equal([
          'flowsieve.yaml:2: inputs[0].uri: expected a file, got the pipe or device "pipe"',
        ]);
      });
    }

    it('what only one can read is read once', async () => {
      const uris = [
        '-',
        '-',
        SUBSCRIPTION,
        SUBSCRIPTION,
        'netflow://0.0.0.0:1',
        'netflow://0.0.0.0:1',
      ];
      const inputs = uris.map((uri) => `  - { uri: "${uri}" }\n`).join('');
      const found = await problems(`customers: customers.csv\ninputs:\n${inputs}`);
      expect(found).to.deep.equal([
        'flowsieve.yaml:4: inputs[1].uri: expected standard input once, got it again after inputs[0]',
        'flowsieve.yaml:6: inputs[3].uri: expected the subscription projects/acme-flows/subscriptions/edge once, got it again after inputs[2]',
        'flowsieve.yaml:8: inputs[5].uri: expected the UDP port 1 of 0.0.0.0 once, got it again after inputs[4]',
      ]);
    });

    it('by --input too', async () => {
      const found = await problems(yaml('flows.csv'), { streaming: true, inputs: ['-', '-'] });
      expect(found).to.deep.equal([
        '--input: expected standard input once, got it again after --input',
      ]);
    });

    it('attributes are those of messages', async () => {
      const attributes = ', timestampAttribute: earliest, idAttribute: id';
      const [input] = (await load(yaml(SUBSCRIPTION, '', attributes))).inputs;
      expect(input).to.include({ timestampAttribute: 'earliest', idAttribute: 'id' });
      expect(await problems(yaml('flows.csv', '', attributes))).to.deep.equal([
        'flowsieve.yaml:2: inputs[0].timestampAttribute: expected it only with pubsub://, whose messages have attributes, got it with "flows.csv"',
        'flowsieve.yaml:2: inputs[0].idAttribute: expected it only with pubsub://, whose messages have attributes, got it with "flows.csv"',
      ]);
      expect(await problems(yaml(SUBSCRIPTION, '', ', idAttribute: ""'))).to.deep.equal([
        'flowsieve.yaml:2: inputs[0].idAttribute: expected the name of a message attribute, 1 to 256 bytes, got ""',
      ]);
    });

    it('attributes stay behind where --input replaces the subscription by a file', async () => {
      const text = yaml(SUBSCRIPTION, '', ', timestampAttribute: earliest, sensor: edge-1');
      const [input] = (await load(text, { inputs: [files.path('flows.csv')] })).inputs;
      expect(input).to.include({ sensor: 'edge-1' });
      expect(input.timestampAttribute).to.equal(undefined);
    });

    it('netflow is a format of datagrams and of files', async () => {
      const netflow = ', format: netflow';
      expect((await load(yaml('flows.csv', '', netflow))).inputs[0].format).to.equal('netflow');
      expect(await problems(yaml('netflow://0.0.0.0:2055', '', ', format: csv'))).to.deep.equal([
        'flowsieve.yaml:2: inputs[0].format: expected netflow (or auto) for "netflow://0.0.0.0:2055", got "csv"',
      ]);
      expect(await problems(yaml(SUBSCRIPTION, '', netflow))).to.deep.equal([
        `flowsieve.yaml:2: inputs[0].format: expected a format of messages, got "netflow", which is one of netflow:// and of files, with "${SUBSCRIPTION}"`,
      ]);
    });

    it('without timestampAttribute a warning says what lateness must cover', async () => {
      const text = yaml(SUBSCRIPTION, 'streaming: { allowedLateness: 90m }\n');
      expect(await warnings(text)).to.deep.equal([
        `"${SUBSCRIPTION}" has no timestampAttribute: the watermark follows publish time, so streaming.allowedLateness (90m) must exceed the exporter's active time-out plus delivery, or records come too late and are dropped`,
      ]);
      expect(await warnings(yaml(SUBSCRIPTION, '', ', timestampAttribute: t'))).to.deep.equal([]);
      expect(await warnings(yaml('netflow://0.0.0.0:2055'))).to.deep.equal([]);
    });
  });

  describe('settings', () => {
    it('have defaults', async () => {
      const { streaming, sinks } = await load(yaml('flows.csv'), {});
      expect(sinks).to.deep.equal([]);
      expect(streaming).to.deep.equal({
        state: files.path('state'),
        allowedLatenessMs: 3_600_000,
        earlyFiringsMs: 5000,
        disorderMs: 60_000,
        idleMs: 600_000,
        lookbackMs: 86_400_000,
        referenceEveryMs: 2000,
        stopWithinMs: 30_000,
      });
    });

    it('can be set, to nothing too where that means something', async () => {
      const { streaming } = await load(
        yaml(
          'flows.csv',
          'streaming: { state: kept, allowedLateness: 0s, earlyFirings: 1s, disorder: 0, idle: 1d, lookback: 0, referenceEvery: 1h, stopWithin: 10m }\n',
        ),
      );
      expect(streaming).to.deep.equal({
        state: files.path('kept'),
        allowedLatenessMs: 0,
        earlyFiringsMs: 1000,
        disorderMs: 0,
        idleMs: 86_400_000,
        lookbackMs: 0,
        referenceEveryMs: 3_600_000,
        stopWithinMs: 600_000,
      });
    });

    const wrong = [
      ['allowedLateness', '8d', '0s to 7d'],
      ['earlyFirings', '0s', '1s to 1h'],
      ['disorder', '2d', '0s to 1d'],
      ['idle', '0', '1s to 1d'],
      ['lookback', '-1h', '0s to 7d'],
      ['referenceEvery', '2h', '1s to 1h'],
      ['stopWithin', '11m', '1s to 10m'],
    ] as const;
    for (const [name, value, range] of wrong) {
      it(`${name}: ${value} is refused`, async () => {
        const got = value === '0' ? '0' : `"${value}"`;
        expect(
          await problems(yaml('flows.csv', `streaming: { ${name}: ${value} }\n`)),
        ).to.deep.equal([
          `flowsieve.yaml:3: streaming.${name}: expected a duration from ${range}, such as 30s, 5m, 1h or 1d, got ${got}`,
        ]);
      });
    }

    it('an unknown one is told', async () => {
      const found = await problems(yaml('flows.csv', 'streaming: { lateness: 1h }\n'));
      expect(found).to.deep.equal([
        'flowsieve.yaml:3: streaming.lateness: unknown setting, expected one of state, allowedLateness, earlyFirings, disorder, idle, lookback, referenceEvery, stopWithin',
      ]);
    });

    it('the state has a directory of its own', async () => {
      expect(await problems(yaml('flows.csv', 'streaming: { state: flows.csv }\n'))).to.deep.equal([
        'flowsieve.yaml:3: streaming.state: expected a directory, got the file "flows.csv"',
      ]);
      expect(await problems(yaml('flows.csv', 'streaming: { state: ./out/ }\n'))).to.deep.equal([
        'flowsieve.yaml:3: streaming.state: expected a directory of its own, got the output\'s "out"',
      ]);
    });

    it('what is written is not followed', async () => {
      expect(await problems(yaml('out/', 'output: out\n'))).to.deep.equal([
        'flowsieve.yaml:3: output: expected a directory that is not followed, got "out", which holds the input "out"',
      ]);
      expect(await problems(yaml('state/x/', 'streaming: { state: state }\n'))).to.deep.equal([
        'flowsieve.yaml:3: streaming.state: expected a directory that is not followed, got "state", which holds the input "state/x"',
      ]);
    });
  });

  describe('sinks', () => {
    it('are standard output and topics', async () => {
      const { sinks } = await load(
        yaml('flows.csv', 'sinks: ["-", "pubsub://projects/acme-flows/topics/findings"]\n'),
      );
      expect(sinks).to.deep.equal([
        { kind: 'stdout' },
        { kind: 'pubsub', topic: 'projects/acme-flows/topics/findings' },
      ]);
    });

    const EXPECTED =
      'expected - (standard output), pubsub://projects/PROJECT/topics/TOPIC or kafka://HOST:PORT[,HOST:PORT...]/TOPIC, got';
    const wrong = [
      ['["-", "-"]', 'sinks[1]: expected each sink once, got "-" again'],
      ['[findings.ndjson]', `sinks[0]: ${EXPECTED} "findings.ndjson"`],
      [`["${SUBSCRIPTION}"]`, `sinks[0]: ${EXPECTED} "${SUBSCRIPTION}"`],
      ['[7]', `sinks[0]: ${EXPECTED} 7`],
      ['"-"', 'sinks: expected a list of sinks, got "-"'],
    ] as const;
    for (const [text, message] of wrong) {
      it(`${text} is refused`, async () => {
        expect(await problems(yaml('flows.csv', `sinks: ${text}\n`))).to.deep.equal([
          `flowsieve.yaml:3: ${message}`,
        ]);
      });
    }
  });
});
