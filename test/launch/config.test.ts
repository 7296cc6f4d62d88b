import { expect } from 'chai';
import { mkdirSync } from 'node:fs';
import { relative } from 'node:path';
import { FILTERS } from '../../filters/filters.js';
import { loadConfig, type Config, type Overrides } from '../../launch/config/config.js';
import { formatProblem } from '../../launch/config/problem.js';
import { configSchema, inputSchema, SETTINGS } from '../../launch/config/schema.js';
import { TemporaryFiles } from './temporary-files.js';

const MINIMAL = 'customers: customers.csv\ninputs: [{ uri: flows.csv }]\n';

describe('configuration', () => {
  const files = new TemporaryFiles();

  beforeEach(() => {
    files.write('customers.csv', 'customer,cidr\nacme,192.0.2.0/24\n');
    files.write('flows.csv', '');
  });

  async function load(yaml: string, overrides: Overrides = {}): Promise<Config> {
    const result = await loadConfig(files.write('flowsieve.yaml', yaml), overrides);
    if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
    return result.config;
  }

  /** Everything wrong, with the test's directory left out. */
  async function problems(yaml: string | Uint8Array, overrides: Overrides = {}): Promise<string[]> {
    const result = await loadConfig(files.write('flowsieve.yaml', yaml), overrides);
    if (result.ok) return [];
    const short = relative(process.cwd(), files.directory);
    return result.problems.map((problem) =>
      formatProblem(problem).replaceAll(`${files.directory}/`, '').replaceAll(`${short}/`, ''),
    );
  }

  describe('defaults', () => {
    for (const [name, setting] of Object.entries(SETTINGS)) {
      if (!('min' in setting)) continue;
      it(`the default of ${name} is valid`, () => {
        expect(setting.default).to.be.within(setting.min, setting.max);
      });
    }

    it('the default is valid for every setting that has one', () => {
      const settings = configSchema.parse({ customers: 'customers.csv' });
      // Durations are text on the way in and milliseconds on the way out.
      const { state } = settings.streaming;
      const written = { ...settings, window: '5m', findingWindow: '1d', streaming: { state } };
      expect(configSchema.parse(written)).to.deep.equal(settings);
      const input = inputSchema.parse({ uri: 'flows.csv' });
      expect(inputSchema.parse(input)).to.deep.equal(input);
    });

    it('are those of the documentation', async () => {
      const config = await load(MINIMAL);
      expect(config.windowMs).to.equal(300_000);
      expect(config.findingWindowMs).to.equal(86_400_000);
      expect(config.shards).to.equal(8);
      expect(config.output).to.equal(files.path('out'));
      expect(config.reference).to.deep.equal({
        spec: { feeds: [], customers: { uri: 'customers.csv' }, baseDir: files.directory },
        snapshot: files.path('snapshot'),
      });
      expect(config.suppressions).to.deep.equal([]);
      expect(config.inputs).to.deep.equal([
        {
          uri: 'flows.csv',
          location: { kind: 'file', path: files.path('flows.csv') },
          files: [files.path('flows.csv')],
          format: 'auto',
          sensor: '',
          samplingRate: 0,
          unknownFlags: 'drop',
        },
      ]);
      expect(config.filters).to.have.length.above(5);
      expect(config.nowMs).to.be.closeTo(Date.now(), 60_000);
    });
  });

  it('takes the contract whole', async () => {
    for (const name of ['c2.txt', 'clouds.txt', 'routed.txt', 'country/ir.cidr']) {
      files.write(name, '');
    }
    files.write('inventory.csv', 'ip,port,protocol\n');
    files.write('scanned.csv', 'cidr,ports,protocol,first,last\n');
    files.write('flows/a.binetflow', '');
    files.write('flows/b.binetflow', '');
    files.write(
      'suppressions.yaml',
      '- { customer: acme, remote: 203.0.113.0/24, reason: partner, owner: soc, expires: 2030-01-31 }\n',
    );
    const config = await load(`
customers: customers.csv
inputs:
  - { uri: flows/*.binetflow, format: auto, sensor: edge-1, samplingRate: 1000 }
reference:
  feeds:
    - { name: my-c2, kind: tags, category: c2, format: address-list, uri: c2.txt }
    - { name: geo, kind: countries, format: country-prefixes, uri: country/ }
    - { name: scan, kind: inventory, format: csv, uri: inventory.csv }
    - { name: clouds, kind: tags, category: shared, format: address-list, uri: clouds.txt }
    - { name: routed, kind: routed, format: address-list, uri: routed.txt }
    - { name: coverage, kind: coverage, format: csv, uri: scanned.csv }
  snapshot: snapshot/
suppressions: suppressions.yaml
policies:
  acme: { policy-violation: { banned: ["tag:vendor-x", "tcp/6881-6889", "203.0.113.0/24"] } }
filters:
  sanctioned-country: { countries: [IR, KP, CU] }
  policy-violation: { enabled: false }
window: 5m
findingWindow: 1d
output: out
`);
    expect(config.inputs[0].files.map((file) => relative(files.directory, file))).to.deep.equal([
      'flows/a.binetflow',
      'flows/b.binetflow',
    ]);
    expect(config.inputs[0].samplingRate).to.equal(1000);
    expect(config.reference.spec.feeds.map(({ name }) => name)).to.deep.equal([
      'my-c2',
      'geo',
      'scan',
      'clouds',
      'routed',
      'coverage',
    ]);
    expect(config.suppressions.map(({ owner }) => owner)).to.deep.equal(['soc']);
    expect(config.policyCustomers).to.deep.equal(['acme']);
    const violation = config.filters.find(({ id }) => id === 'policy-violation');
    expect(violation?.byDefault).to.equal(null);
    expect(violation?.customers).to.have.property('acme');
  });

  describe('wrong configurations', () => {
    const cases = [
      ['not a mapping', '- a\n', ['flowsieve.yaml: expected a mapping of settings, got ["a"]']],
      ['empty', '', ['flowsieve.yaml: expected a mapping of settings, got null']],
      [
        'nothing that is needed',
        '{}',
        [
          'flowsieve.yaml: customers: expected the path of a file of customers (customer,cidr[,exclusive]), got nothing',
        ],
      ],
      [
        'an unknown setting',
        `${MINIMAL}windows: 5m\n`,
        [
          'flowsieve.yaml:3: windows: unknown setting, expected one of customers, inputs, reference, suppressions, policies, filters, window, findingWindow, shards, history, output, streaming, dataflow, sinks',
        ],
      ],
      [
        'an unknown setting of an input',
        'customers: customers.csv\ninputs:\n  - uri: flows.csv\n    sample: 5\n',
        [
          'flowsieve.yaml:4: inputs[0].sample: unknown setting, expected one of uri, format, sensor, samplingRate, unknownFlags, timestampAttribute, idAttribute',
        ],
      ],
      [
        'an unknown format',
        'customers: customers.csv\ninputs: [{ uri: flows.csv, format: pcap }]\n',
        [
          'flowsieve.yaml:2: inputs[0].format: expected one of auto, csv, goflow2, nfcapd, zeek, argus, netflow, got "pcap"',
        ],
      ],
      [
        'a sampling rate that is none',
        'customers: customers.csv\ninputs: [{ uri: flows.csv, samplingRate: 1:1000 }]\n',
        [
          'flowsieve.yaml:2: inputs[0].samplingRate: expected a whole number from 0 to 4294967295, got "1:1000"',
        ],
      ],
      [
        'a negative sampling rate',
        'customers: customers.csv\ninputs: [{ uri: flows.csv, samplingRate: -1 }]\n',
        [
          'flowsieve.yaml:2: inputs[0].samplingRate: expected a whole number from 0 to 4294967295, got -1',
        ],
      ],
      [
        'a word for unknownFlags',
        'customers: customers.csv\ninputs: [{ uri: flows.csv, unknownFlags: no }]\n',
        ['flowsieve.yaml:2: inputs[0].unknownFlags: expected one of keep, drop, got "no"'],
      ],
      [
        'no input',
        'customers: customers.csv\ninputs: []\n',
        ['flowsieve.yaml:2: inputs: expected at least one input, here or by --input, got none'],
      ],
      [
        'a duration without a unit',
        `${MINIMAL}window: 5\n`,
        [
          'flowsieve.yaml:3: window: expected a duration from 1s to 1d, such as 30s, 5m, 1h or 1d, got 5',
        ],
      ],
      [
        'a duration out of range',
        `${MINIMAL}window: 2d\n`,
        [
          'flowsieve.yaml:3: window: expected a duration from 1s to 1d, such as 30s, 5m, 1h or 1d, got "2d"',
        ],
      ],
      [
        'a finding window that windows do not fill',
        `${MINIMAL}window: 7m\nfindingWindow: 1h\n`,
        ['flowsieve.yaml:4: findingWindow: expected a multiple of window (7m), got 1h'],
      ],
      [
        'too many shards',
        `${MINIMAL}shards: 2000\n`,
        ['flowsieve.yaml:3: shards: expected a whole number from 1 to 1024, got 2000'],
      ],
      [
        'a missing customer file',
        'customers: nobody.csv\ninputs: [{ uri: flows.csv }]\n',
        ['flowsieve.yaml:1: customers: "nobody.csv": there is no such file'],
      ],
      [
        'a missing suppressions file',
        `${MINIMAL}suppressions: nothing.yaml\n`,
        ['flowsieve.yaml:3: suppressions: "nothing.yaml": there is no such file'],
      ],
      [
        'a missing feed',
        `${MINIMAL}reference:\n  feeds:\n    - { name: a, kind: tags, category: c2, format: address-list, uri: a.txt }\n`,
        ['flowsieve.yaml:5: reference.feeds[0].uri: "a.txt": there is no such file'],
      ],
      [
        'a feed glob without a match',
        `${MINIMAL}reference:\n  feeds:\n    - { name: a, kind: tags, category: c2, format: address-list, uri: a/*.txt }\n`,
        ['flowsieve.yaml:5: reference.feeds[0].uri: no file matches "a/*.txt"'],
      ],
      [
        'an unknown feed format',
        `${MINIMAL}reference: { feeds: [{ name: a, kind: tags, category: c2, format: list, uri: flows.csv }] }\n`,
        [
          /^flowsieve\.yaml:3: reference\.feeds\[0\]\.format: expected one of .*address-list.*, got "list"$/,
        ],
      ],
      [
        'a missing input',
        'customers: customers.csv\ninputs: [{ uri: flow.csv }]\n',
        ['flowsieve.yaml:2: inputs[0].uri: there is no file "flow.csv"'],
      ],
      [
        'a glob without a match',
        'customers: customers.csv\ninputs: [{ uri: "*.nfcapd" }]\n',
        ['flowsieve.yaml:2: inputs[0].uri: no file matches "*.nfcapd"'],
      ],
      [
        'a scheme that is not read',
        'customers: customers.csv\ninputs: [{ uri: "s3://bucket/flows" }]\n',
        [
          'flowsieve.yaml:2: inputs[0].uri: expected a path, a glob, a file://, gs://, pubsub:// or netflow:// URL, or - (s3:// is not read), got "s3://bucket/flows"',
        ],
      ],
      [
        'a folder of a bucket',
        'customers: customers.csv\ninputs: [{ uri: "gs://bucket/flows/" }]\n',
        [
          'flowsieve.yaml:2: inputs[0].uri: expected gs://BUCKET/OBJECT, or a glob such as gs://BUCKET/flows/*.csv.gz, got "gs://bucket/flows/"',
        ],
      ],
      [
        'an output in a place that is none',
        `${MINIMAL}output: s3://flows/out\n`,
        [
          'flowsieve.yaml:3: output: expected a directory, or gs://bucket/prefix, got "s3://flows/out"',
        ],
      ],
      [
        'a history in a bucket without a name',
        `${MINIMAL}history: gs://Flows/history\n`,
        [
          'flowsieve.yaml:3: history: expected the path of a directory for the history, gs://bucket/prefix, or false, got "gs://Flows/history"',
        ],
      ],
      [
        'a history of another scheme',
        `${MINIMAL}history: s3://flows/history\n`,
        [
          'flowsieve.yaml:3: history: expected the path of a directory for the history, gs://bucket/prefix, or false, got "s3://flows/history"',
        ],
      ],
      [
        'a directory as input',
        'customers: customers.csv\ninputs: [{ uri: . }]\n',
        [/^flowsieve\.yaml:2: inputs\[0\]\.uri: expected a file, got the folder /],
      ],
      [
        'an unknown filter',
        `${MINIMAL}filters: { known-bad-remotes: {} }\n`,
        [
          'flowsieve.yaml:3: filters.known-bad-remotes: no filter has this name; did you mean "known-bad-remote"?',
        ],
      ],
      [
        'a wrong policy of a customer with a dot in its name',
        `${MINIMAL}policies:\n  a.example:\n    sanctioned-country:\n      countries: [Cuba]\n`,
        [
          'flowsieve.yaml:6: policies.a.example.sanctioned-country.countries[0]: expected a country code of two letters, got "Cuba"',
        ],
      ],
      [
        'several at once, in the filters too',
        'customers: 7\nwindow: soon\nfilters: { nothing: {} }\n',
        [
          'flowsieve.yaml:1: customers: expected the path of a file of customers (customer,cidr[,exclusive]), got 7',
          'flowsieve.yaml:2: window: expected a duration from 1s to 1d, such as 30s, 5m, 1h or 1d, got "soon"',
          /^flowsieve\.yaml:3: filters\.nothing: no filter has this name; expected one of .*honeypot-contact/,
        ],
      ],
      [
        'several at once, files too',
        'customers: nobody.csv\ninputs: [{ uri: flow.csv }]\nsuppressions: x.yaml\n',
        [
          'flowsieve.yaml:2: inputs[0].uri: there is no file "flow.csv"',
          'flowsieve.yaml:1: customers: "nobody.csv": there is no such file',
          'flowsieve.yaml:3: suppressions: "x.yaml": there is no such file',
        ],
      ],
      [
        'a setting twice',
        `${MINIMAL}window: 5m\nwindow: 6m\n`,
        ['flowsieve.yaml:4:1: not YAML: map keys must be unique'],
      ],
      ['no YAML', 'customers: [a\n', [/^flowsieve\.yaml:\d+:\d+: not YAML: /]],
    ] as const;
    for (const [name, yaml, expected] of cases) {
      it(name, async () => {
        const found = await problems(yaml);
        expect(found).to.have.length(expected.length);
        expected.forEach((message, i) => {
          if (typeof message === 'string') expect(found[i]).to.equal(message);
          else expect(found[i]).to.match(message);
        });
      });
    }

    it('a suppression without a reason, with the line of its own file', async () => {
      files.write('suppressions.yaml', '- customer: acme\n  owner: soc\n- customer: [1]\n');
      const found = await problems(`${MINIMAL}suppressions: suppressions.yaml\n`);
      expect(found[0]).to.match(/^suppressions\.yaml:1: \[0\]\.reason: expected a reason/);
      expect(found.some((text) => text.startsWith('suppressions.yaml:3: [1].customer: '))).to.equal(
        true,
      );
    });

    it('no filter for anybody', async () => {
      const off = FILTERS.map(({ id }) => `  ${id}: { enabled: false }\n`).join('');
      expect(await problems(`${MINIMAL}filters:\n${off}`)).to.deep.equal([
        'flowsieve.yaml:3: filters: expected a filter that is enabled for somebody, got none',
      ]);
    });

    it('an output that is a file', async () => {
      expect(await problems(`${MINIMAL}output: flows.csv\n`)).to.deep.equal([
        'flowsieve.yaml:3: output: expected a directory, got the file "flows.csv"',
      ]);
    });

    it('a file that is not there', async () => {
      const result = await loadConfig(files.path('none.yaml'));
      expect(result.ok ? [] : result.problems.map(({ message }) => message)).to.deep.equal([
        'there is no such file',
      ]);
    });

    it('a directory', async () => {
      const result = await loadConfig(files.directory);
      expect(result.ok ? [] : result.problems.map(({ message }) => message)).to.deep.equal([
        'it is a directory, not a file',
      ]);
    });
  });

  describe('hostile files', () => {
    it('ten megabytes are refused unread', async () => {
      expect(await problems('a'.repeat(10_000_000))).to.deep.equal([
        'flowsieve.yaml: larger than 4194304 bytes, the most that is read',
      ]);
    });

    it('aliases of aliases are refused', async () => {
      const levels = Array.from(
        { length: 12 },
        (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(', ')}]`,
      );
      const [first] = await problems(`a0: &a0 [x]\n${levels.join('\n')}\n`);
      expect(first).to.equal(
        'flowsieve.yaml: not YAML: excessive alias count indicates a resource exhaustion attack',
      );
    });

    const nested = [
      ['flow', '['.repeat(1_000_000)],
      ['block', '- '.repeat(1_000_000)],
      ['mixed', '{a: '.repeat(1_000_000)],
    ] as const;
    for (const [name, yaml] of nested) {
      it(`deep ${name} nesting is refused`, async () => {
        const [first] = await problems(yaml);
        expect(first).to.match(/^flowsieve\.yaml: nested 1000000 deep, the limit is 64$/);
      });
    }

    it('deep indentation neither hangs nor crashes', async () => {
      const lines = Array.from({ length: 2500 }, (_, i) => `${' '.repeat(i)}a:`);
      expect(await problems(lines.join('\n'))).to.have.length.above(0);
    });

    it('a list that contains itself is a problem like any other', async () => {
      const found = await problems(`${MINIMAL}shards: &a [*a]\n`);
      expect(found).to.have.length(1);
    });

    it('bytes that are not UTF-8 are refused', async () => {
      expect(await problems(Buffer.from([0x61, 0x3a, 0xff, 0xfe]))).to.deep.equal([
        'flowsieve.yaml: it is not UTF-8 text',
      ]);
    });

    it('control characters of a value do not reach the terminal', async () => {
      const found = await problems(`${MINIMAL}"\\e[2J": 1\nwindow: "\\e[31m"\n`);
      expect(found).to.have.length(2);
      expect(found.join('').includes('\u001b')).to.equal(false);
    });

    it('__proto__ is an unknown setting', async () => {
      const found = await problems(`${MINIMAL}__proto__: { shards: 1 }\n`);
      expect(found).to.have.length(1);
      expect(found[0]).to.match(/__proto__: unknown setting/);
    });
  });

  describe('inputs', () => {
    it('a file whose name looks like a glob is that file', async () => {
      files.write('flows[1].csv', '');
      const config = await load('customers: customers.csv\ninputs: [{ uri: "flows[1].csv" }]\n');
      expect(config.inputs[0].files).to.deep.equal([files.path('flows[1].csv')]);
    });

    it('a file:// URL', async () => {
      const url = `file://${files.path('flows.csv')}`;
      const config = await load(`customers: customers.csv\ninputs: [{ uri: "${url}" }]\n`);
      expect(config.inputs[0].files).to.deep.equal([files.path('flows.csv')]);
    });

    it('globs work below a directory with brackets in its name', async () => {
      const yaml = files.write('run [1]/flowsieve.yaml', MINIMAL.replace('flows.csv', '"*.csv"'));
      files.write('run [1]/customers.csv', '');
      files.write('run [1]/b.csv', '');
      const result = await loadConfig(yaml);
      expect(result.ok ? result.config.inputs[0].files : []).to.deep.equal([
        files.path('run [1]/b.csv'),
        files.path('run [1]/customers.csv'),
      ]);
    });
  });

  describe('overrides', () => {
    it('--input takes the settings of the only configured input', async () => {
      const other = files.write('other.csv', '');
      const config = await load(
        'customers: customers.csv\ninputs: [{ uri: gone.csv, sensor: edge-1, samplingRate: 100 }]\n',
        { inputs: [other] },
      );
      expect(config.inputs).to.deep.equal([
        {
          uri: other,
          location: { kind: 'file', path: other },
          files: [other],
          format: 'auto',
          sensor: 'edge-1',
          samplingRate: 100,
          unknownFlags: 'drop',
        },
      ]);
    });

    it('--input takes defaults where there are several', async () => {
      const config = await load(
        'customers: customers.csv\ninputs: [{ uri: a, sensor: a }, { uri: b, sensor: b }]\n',
        { inputs: [files.path('flows.csv')] },
      );
      expect(config.inputs.map(({ sensor }) => sensor)).to.deep.equal(['']);
    });

    it('--output and --now', async () => {
      const config = await load(MINIMAL, {
        output: files.path('elsewhere'),
        now: '2026-01-31T12:00:00+01:00',
      });
      expect(config.output).to.equal(files.path('elsewhere'));
      expect(config.nowMs).to.equal(Date.UTC(2026, 0, 31, 11));
    });

    for (const now of ['yesterday', '2026-01-31T12:00', '12', '2026-13-01', '2026-02-31']) {
      it(`--now ${now} is refused`, async () => {
        expect(await problems(MINIMAL, { now })).to.deep.equal([
          `--now: expected a time such as 2026-01-31T12:00:00Z, got "${now}"`,
        ]);
      });
    }

    it('what is wrong with them is told by their names', async () => {
      mkdirSync(files.path('directory'));
      const output = files.path('flows.csv');
      const found = await problems(MINIMAL, { inputs: ['nothing.csv', '-'], output });
      expect(found[0]).to.match(/^--input: there is no file ".*nothing\.csv"$/);
      expect(found[1]).to.equal(
        '--input: expected files, got "-", which is read only with --streaming',
      );
      expect(found[2]).to.equal('--output: expected a directory, got the file "flows.csv"');
    });
  });
});
