import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { generateNetwork, WEEKLY_HISTORY } from '../../launch/generate/generate-network.js';
import { CSV_HEADER, csvLine } from '../../launch/generate/row.js';
import { writeNetwork } from '../../launch/generate/write-network.js';

const OPTIONS = { seed: 2, flows: 5_000, hours: 2 } as const;

describe('writeNetwork', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'flowsieve-generate-'));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  const flowTexts = (): readonly string[] =>
    readdirSync(join(directory, 'flows')).map((name) =>
      readFileSync(join(directory, 'flows', name), 'utf8'),
    );

  it('writes every row once, a file a sensor and hour, each with a header', () => {
    const network = generateNetwork(OPTIONS);
    const { flows, files } = writeNetwork(directory, network);
    const texts = flowTexts();
    expect(files).to.equal(texts.length);
    expect(texts.every((text) => text.startsWith(CSV_HEADER))).to.equal(true);
    const lines = texts.flatMap((text) => text.slice(CSV_HEADER.length).trimEnd().split('\n'));
    expect(lines.length).to.equal(flows);
    const expected = [...network.rows()].map((row) => csvLine(row).trimEnd());
    expect(lines.toSorted()).to.deep.equal(expected.toSorted());
  });

  it('writes goflow2 with nanoseconds that no double could hold', () => {
    const network = generateNetwork({ ...OPTIONS, format: 'goflow2' });
    writeNetwork(directory, network);
    const [first] = flowTexts()[0].split('\n');
    expect(first).to.match(/"time_flow_end_ns":\d{13}000000,/);
    const record = JSON.parse(first) as Record<string, unknown>;
    expect(record['type']).to.equal('NETFLOW_V9');
    expect(record['sampler_address']).to.match(/^192\.0\.2\./);
    expect(record['proto']).to.be.oneOf(['TCP', 'UDP', 'ICMP', 'IPv6-ICMP']);
  });

  it('writes history days into folders of their own, with a configuration that reads them', () => {
    const network = generateNetwork({ seed: 2, flows: 1, hours: 24, historyDays: WEEKLY_HISTORY });
    const { historyFlows } = writeNetwork(directory, network);
    const folder = join(directory, 'history-flows');
    const days = readdirSync(folder).sort();
    expect(days).to.deep.equal(network.history.map(({ day }) => day));
    let lines = 0;
    for (const day of days) {
      for (const name of readdirSync(join(folder, day))) {
        expect(name).to.include(day.replaceAll('-', ''));
        lines +=
          readFileSync(join(folder, day, name), 'utf8')
            .trimEnd()
            .split('\n').length - 1;
      }
    }
    expect(lines).to.equal(historyFlows);
    const text = readFileSync(join(directory, 'history.yaml'), 'utf8');
    expect(text).to.include('uri: "history-flows/*/*.csv"');
    expect(text).to.include('history: history/');
    // What a run made of it goes with it.
    mkdirSync(join(directory, 'history'));
    writeNetwork(directory, generateNetwork(OPTIONS));
    for (const name of ['history', 'history-flows', 'history.yaml']) {
      expect(existsSync(join(directory, name)), name).to.equal(false);
    }
  });

  it('replaces a network that it wrote', () => {
    writeNetwork(directory, generateNetwork({ ...OPTIONS, hours: 3 }));
    const { files } = writeNetwork(directory, generateNetwork(OPTIONS));
    expect(flowTexts().length).to.equal(files);
  });

  it('refuses a directory that holds something else', () => {
    writeFileSync(join(directory, 'mine.txt'), 'precious');
    expect(() => writeNetwork(directory, generateNetwork(OPTIONS))).to.throw(
      'is not empty and holds no generated network',
    );
  });
});
