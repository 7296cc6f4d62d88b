import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import {
  pairKey,
  readLabelledZeek,
  RELATIVE_ORIGIN_MS,
  type LabelledLog,
} from '../../launch/evaluate/labelled-zeek.js';
import { TemporaryFiles } from '../launch/temporary-files.js';

const DAY = 86_400_000;
const TS = 1741000000;
const WINDOW = Math.floor((TS * 1000) / DAY);

const TABLE =
  'ts|uid|id.orig_h|id.orig_p|id.resp_h|id.resp_p|proto|duration|conn_state|label|detailed-label';
const FIELDS = `#fields\t${TABLE.replaceAll('|', '\t').replace('detailed-label', 'detailedlabel')}`;

const MALICIOUS = `${TS}.25|C1|192.0.2.1|50000|203.0.113.7|443|tcp|3.5|SF|Malicious   C&C|Torii`;
const BENIGN = `${TS}.25|C2|192.0.2.1|50001|203.0.113.8|443|tcp|-|SF|Benign|-`;

describe('readLabelledZeek', () => {
  const files = new TemporaryFiles();

  function read(text: string, windowMs = DAY): Promise<LabelledLog> {
    const path = files.write('conn.log.labeled', text);
    return readLabelledZeek(path, { windowMs, shiftedPath: files.path('shifted.log') });
  }

  function detailsOf(log: LabelledLog): Record<string, string[]> {
    return Object.fromEntries(
      [...log.pairs].map(([key, { details }]) => [key, [...details.keys()]]),
    );
  }

  it("reads IoT-23's tables", async () => {
    const log = await read(`${TABLE}\n${MALICIOUS}\n${BENIGN}\n`);
    expect(log).to.include({
      records: 2,
      malicious: 1,
      unlabelled: 0,
      unreadable: 0,
      shifted: false,
    });
    const pair = log.pairs.get(pairKey('203.0.113.7', '192.0.2.1'));
    expect(pair?.ends).to.deep.equal(['192.0.2.1', '203.0.113.7']);
    expect([...(pair?.details ?? [])]).to.deep.equal([['C&C-Torii', new Set([WINDOW])]]);
    expect([...log.addresses.keys()].sort()).to.deep.equal(['192.0.2.1', '203.0.113.7']);
    expect(existsSync(files.path('shifted.log'))).to.equal(false);
  });

  const spellings = [
    {
      what: 'tab-separated, with detailedlabel',
      text: `#separator \\x09\n${FIELDS}\n#types\ttime\n${MALICIOUS.replaceAll('|', '\t')}\n#close\n`,
      detail: 'C&C-Torii',
    },
    {
      what: 'without a detail',
      text: `${FIELDS}\n${MALICIOUS.replaceAll('|', '\t').replace('Malicious   C&C\tTorii', 'Malicious\t(empty)')}\n`,
      detail: 'Malicious',
    },
    {
      what: 'JSON',
      text: `{"ts":${TS}.25,"id.orig_h":"192.0.2.1","id.resp_h":"203.0.113.7","duration":3.5,"label":"Malicious","detailed-label":"PartOfAHorizontalPortScan"}\n`,
      detail: 'PartOfAHorizontalPortScan',
    },
  ] as const;
  for (const { what, text, detail } of spellings) {
    it(`reads labels ${what}`, async () => {
      const log = await read(text);
      expect(log).to.include({ records: 1, malicious: 1, unreadable: 0 });
      expect(detailsOf(log)).to.deep.equal({ [pairKey('192.0.2.1', '203.0.113.7')]: [detail] });
    });
  }

  it("reads IoT-23's own logs, which write the last columns into one", async () => {
    const names = 'ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto duration conn_state'.split(
      ' ',
    );
    const values = [TS, 'C1', '192.0.2.1', 1, '203.0.113.7', 443, 'tcp', '-', 'SF'];
    const log = await read(
      `#fields\t${names.join('\t')}\ttunnel_parents   label   detailed-label\n` +
        `${values.join('\t')}\t(empty)   Malicious   C&C-HeartBeat\n` +
        `${values.join('\t')}\t-   benign   -\n`,
    );
    expect(log).to.include({ records: 2, malicious: 1 });
    expect(Object.values(detailsOf(log))).to.deep.equal([['C&C-HeartBeat']]);
  });

  it('is malicious in each window that a connection touches', async () => {
    const hours = await read(`${TABLE}\n${MALICIOUS.replace('|3.5|', '|7200|')}\n`, 3_600_000);
    const [pair] = hours.pairs.values();
    expect(pair.details.get('C&C-Torii')?.size).to.equal(3);
    const years = await read(`${TABLE}\n${MALICIOUS.replace('|3.5|', '|1e12|')}\n`);
    expect([...years.pairs.values()][0].details.get('C&C-Torii')?.size).to.equal(401);
  });

  it('writes relative times as dates', async () => {
    const relative = (line: string): string => line.replace(`${TS}.25`, '16.810265');
    const log = await read(`${TABLE}\n${relative(MALICIOUS)}\n${relative(BENIGN)}\n`);
    expect(log).to.include({ records: 2, malicious: 1, shifted: true });
    const [pair] = log.pairs.values();
    const window = Math.floor(RELATIVE_ORIGIN_MS / DAY);
    expect([...(pair.details.get('C&C-Torii') ?? [])]).to.deep.equal([window]);
    const dated = `${RELATIVE_ORIGIN_MS / 1000 + 16}.810265`;
    expect(readFileSync(files.path('shifted.log'), 'utf8')).to.equal(
      `${TABLE}\n${MALICIOUS.replace(`${TS}.25`, dated)}\n${BENIGN.replace(`${TS}.25`, dated)}\n`,
    );
  });

  it('counts lines that are no labelled connection', async () => {
    const cut = MALICIOUS.slice(0, 60);
    const nowhere = MALICIOUS.replace('203.0.113.7', 'example.org');
    const undated = MALICIOUS.replace(`${TS}.25`, 'yesterday');
    const late = MALICIOUS.replace(`${TS}.25`, '99999999999');
    const lines = [
      BENIGN,
      cut,
      nowhere,
      undated,
      late,
      '{',
      '{}',
      BENIGN.replace('Benign', 'Background'),
    ];
    const log = await read(`${TABLE}\n${lines.join('\n')}\n`);
    expect(log).to.include({ records: 2, malicious: 0, unlabelled: 1, unreadable: 6 });
  });

  const wrong = [
    ['no log', 'hello\n', /expected labelled connections of Zeek, got none/],
    ['an empty file', '', /expected labelled connections of Zeek, got none/],
    ['a log without labels', '#fields\tts\tuid\tid.orig_h\n', /expected a column label/],
  ] as const;
  for (const [what, text, message] of wrong) {
    it(`refuses ${what}`, async () => {
      const error = await read(text).catch((thrown: unknown) => thrown);
      expect(String(error)).to.match(message);
    });
  }
});
