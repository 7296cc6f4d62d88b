import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { DESTINATION, FLAGS_UNKNOWN, GRADE, NO_SIDE, SOURCE } from '../../pipeline/codes.js';
import { historyBits, sawStart, tcpEvidence } from '../../transforms/decode/zeek-evidence.js';
import { zeek } from '../../transforms/decode/zeek.js';
import { sharedData } from '../shared-data.js';
import { collect, tally } from './collect.js';

const NAMES =
  'ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto service duration orig_bytes resp_bytes conn_state history orig_pkts orig_ip_bytes resp_pkts resp_ip_bytes'.split(
    ' ',
  );
const VALUES =
  '1700000000.123456 C1 192.0.2.1 51000 198.51.100.2 443 tcp - 1.5 100 200 SF ShADadFf 5 360 4 408'.split(
    ' ',
  );

function log(names: readonly string[], ...lines: (readonly string[])[]): string {
  return (
    '#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n' +
    [['#fields', ...names], ...lines].map((line) => `${line.join('\t')}\n`).join('')
  );
}

function values(changes: Readonly<Record<string, string>>): string[] {
  return VALUES.map((value, i) => changes[NAMES[i]] ?? value);
}

const FORTH = {
  src: '192.0.2.1',
  dst: '198.51.100.2',
  srcPort: 51_000,
  dstPort: 443,
  protocol: 6,
  startMs: 1_700_000_000_123,
  endMs: 1_700_000_001_623,
  packets: 5,
  bytes: 360,
  tcpFlags: FLAGS_UNKNOWN,
  samplingRate: 0,
  sensor: '',
  evidence: GRADE.strong as number,
  initiator: SOURCE,
};
const BACK = {
  ...FORTH,
  src: FORTH.dst,
  dst: FORTH.src,
  srcPort: 443,
  dstPort: 51_000,
  packets: 4,
  bytes: 408,
  initiator: DESTINATION,
};

const OBJECT = JSON.stringify(
  Object.fromEntries(
    NAMES.map((name, i) => [
      name,
      /^[0-9.]+$/.test(VALUES[i]) && !name.endsWith('_h') ? Number(VALUES[i]) : VALUES[i],
    ]),
  ),
);

describe('zeek', () => {
  const same = [
    ['tab-separated', log(NAMES, VALUES)],
    ['CRLF', log(NAMES, VALUES).replaceAll('\n', '\r\n')],
    ['a column before', log(['_node_name', ...NAMES], ['worker-1', ...VALUES])],
    ['labels behind', log([...NAMES, 'label'], [...VALUES, 'x   y', 'z'])],
    ['JSON', `${OBJECT}\n`],
    ['JSON with a date', OBJECT.replace('1700000000.123456', '"2023-11-14T22:13:20.123456Z"')],
    ['JSON with a path', OBJECT.replace('{', '{"_path":"open_conn",')],
    ['between bars', `${NAMES.join('|')}\n${VALUES.join('|')}|a|b\n`],
  ] as const;
  for (const [name, text] of same) {
    it(`reads the same connection: ${name}`, () => {
      expect(zeek.detect(Buffer.from(text))).to.equal(true);
      const { rows, rejects, pushed } = collect(zeek, text);
      expect(rejects).to.deep.equal([]);
      expect(rows).to.deep.equal([FORTH, BACK]);
      expect(pushed).to.equal(1);
    });
  }

  it('follows headers in the middle, other columns and other logs', () => {
    const dns = log(['ts', 'uid', 'query'], ['1', 'C2', 'x']).replace('\tconn\n', '\tdns\n');
    const text =
      log(NAMES, VALUES) + dns + log(['_node_name', ...NAMES], ['w', ...VALUES]) + '#close\t2023\n';
    for (const chunkBytes of [Infinity, 300]) {
      const { rows, rejects, skips } = collect(zeek, text, chunkBytes);
      expect(rejects).to.deep.equal([]);
      expect(rows).to.deep.equal([FORTH, BACK, FORTH, BACK]);
      expect(tally(skips)).to.deep.equal({ header: 13, 'other-log': 1 });
    }
  });

  const variants = [
    ['no answer', { resp_pkts: '0', resp_ip_bytes: '0' }, [{ packets: 5, src: '192.0.2.1' }]],
    [
      'only the answer',
      { orig_pkts: '0' },
      [{ packets: 4, src: '198.51.100.2', initiator: DESTINATION }],
    ],
    [
      'bytes without packets',
      { orig_pkts: '-', resp_pkts: '-', orig_ip_bytes: '-', resp_ip_bytes: '-' },
      [
        { packets: 0, bytes: 100 },
        { packets: 0, bytes: 200 },
      ],
    ],
    [
      'unset times',
      { duration: '-' },
      [{ endMs: 1_700_000_000_123 }, { endMs: 1_700_000_000_123 }],
    ],
    [
      'udp',
      { proto: 'udp', history: 'Dd' },
      [{ protocol: 17, evidence: 0, initiator: NO_SIDE }, {}],
    ],
    ['icmp', { proto: 'icmp', 'id.orig_p': '8' }, [{ protocol: 1, srcPort: 0, dstPort: 0 }, {}]],
    [
      'icmp of IPv6',
      { proto: 'icmp', 'id.orig_h': '2001:db8::1', 'id.resp_h': '2001:db8::2' },
      [{ protocol: 58, src: '2001:db8::1' }, {}],
    ],
  ] as const;
  for (const [name, changes, expected] of variants) {
    it(`reads ${name}`, () => {
      const { rows } = collect(zeek, log(NAMES, values(changes)));
      expect(rows).to.have.length(expected.length);
      expected.forEach((row, i) => expect(rows[i]).to.include(row));
    });
  }

  const evidence = [
    ['SF', 'ShADadFf', 10, GRADE.strong],
    ['SF', '', 10, GRADE.strong],
    ['SF', 'ShAFf', 0, GRADE.medium],
    ['S1', 'ShA', 10, GRADE.medium],
    ['RSTO', 'ShADR', 0, GRADE.strong],
    ['RSTR', 'ShAr', 0, GRADE.medium],
    // Half-open scans and backscatter: nobody acknowledged the answer.
    ['S1', 'Sh', 0, GRADE.answered],
    ['RSTO', 'ShR', 0, GRADE.answered],
    ['RSTO', '^hR', 0, GRADE.answered],
    ['RSTR', 'Shr', 0, GRADE.answered],
    ['RSTR', 'SrFRr', 0, GRADE.attempt],
    ['OTH', 'Dd', 0, GRADE.medium],
    ['OTH', 'Aa', 0, GRADE.medium],
    ['OTH', 'A', 0, GRADE.attempt],
    ['OTH', '', 0, GRADE.attempt],
    ['S0', 'S', 0, GRADE.attempt],
    ['REJ', 'Sr', 0, GRADE.attempt],
    ['RSTOS0', 'SR', 0, GRADE.attempt],
    ['SH', 'SF', 0, GRADE.attempt],
    ['RSTRH', '^hr', 0, GRADE.answered],
    ['SHR', '^hf', 0, GRADE.answered],
    ['', 'ShADad', 0, GRADE.medium],
    ['', 'Sh', 0, GRADE.answered],
    ['', 'S', 0, GRADE.attempt],
    ['', '', 0, GRADE.unknown],
    ['XX', '', 0, GRADE.unknown],
  ] as const;
  for (const [state, history, payload, grade] of evidence) {
    it(`grades ${state || '-'} ${history || '-'} with ${String(payload)} bytes`, () => {
      const text = Buffer.from(`${state}${history}`);
      const bits = historyBits(text, state.length, text.length);
      expect(tcpEvidence(text, 0, state.length, bits, payload)).to.equal(grade);
    });
  }

  const starts = [
    ['ShAD', true],
    ['S^hA', true],
    ['hAD', true],
    ['^hAD', false],
    ['DdA', false],
    ['', false],
  ] as const;
  for (const [history, expected] of starts) {
    it(`${expected ? 'saw' : 'did not see'} the start of ${JSON.stringify(history)}`, () => {
      expect(sawStart(historyBits(Buffer.from(history), 0, history.length))).to.equal(expected);
    });
  }

  const rejects = [
    ['bad-time', { ts: 'x' }],
    ['bad-time', { duration: '-1' }],
    ['missing-column', { ts: '-' }],
    ['bad-address', { 'id.orig_h': 'x' }],
    ['bad-address', { 'id.resp_h': '1'.repeat(1_000_000) }],
    ['bad-port', { 'id.orig_p': '65536' }],
    ['bad-protocol', { proto: 'unknown_transport' }],
    ['bad-number', { orig_pkts: '-3' }],
    ['bad-number', { resp_bytes: '1.5' }],
  ] as const;
  for (const [reason, changes] of rejects) {
    it(`rejects as ${reason}: ${JSON.stringify(changes).slice(0, 40)}`, () => {
      const result = collect(zeek, log(NAMES, values(changes), VALUES));
      expect(result.rejects.map((reject) => reject.reason)).to.deep.equal([reason]);
      expect(result.rows).to.deep.equal([FORTH, BACK]);
    });
  }

  it('rejects garbage and what is cut', () => {
    const text = `${log(NAMES, VALUES)}garbage\n{"ts":\n\u0000\n${VALUES.slice(0, 8).join('\t')}`;
    expect(collect(zeek, text).rejects.map((reject) => reject.reason)).to.deep.equal([
      'missing-column',
      'bad-json',
      'missing-column',
      'truncated',
    ]);
  });

  const others = [
    '',
    'Lorem ipsum\n',
    log(['ts', 'uid', 'id.orig_h', 'id.resp_h', 'query'], ['1']).replace('\tconn\n', '\tdns\n'),
    '{"ts":1,"id.orig_h":"192.0.2.1","id.resp_h":"192.0.2.2","query":"x"}\n',
    '{"_path":"dns","ts":1,"id.orig_h":"192.0.2.1","id.resp_h":"192.0.2.2"}\n',
  ];
  for (const text of others) {
    it(`is not ${JSON.stringify(text.slice(0, 30))}`, () => {
      expect(zeek.detect(Buffer.from(text))).to.equal(false);
    });
  }

  // Records counted with grep -vc '^\s*#' (less a header line of names where there is one).
  const files = [
    ['flows/zeek/slips/test9-mixed-zeek-dir/conn.log', 576],
    ['flows/zeek/slips/test10-mixed-zeek-dir/conn.log', 141],
    ['flows/zeek/slips/port-scans/horizontal/conn.log', 41],
    ['flows/zeek/slips/port-scans/vertical/conn.log', 50],
    ['flows/zeek/rita/json_with_all_fields/conn.log', 29],
    ['flows/zeek/rita/json_with_all_fields/open_conn.log', 59],
    ['flows/zeek/rita/proxy/conn.log', 463],
    ['flows/zeek/idps/CTU-Malware-Capture-Botnet-4/ground_truth/conn.log.labeled', 22_913],
    ['truth/iot23/CTU-IoT-Malware-Capture-20-1conn.log.labeled.csv', 3209],
    ['truth/iot23/CTU-IoT-Malware-Capture-42-1conn.log.labeled.csv', 4426],
  ] as const;
  for (const [file, count] of files) {
    it(`reads ${file}`, function () {
      const input = readFileSync(sharedData(this, file));
      expect(zeek.detect(input.subarray(0, 65_536))).to.equal(true);
      const { pushed, rejects: bad } = collect(zeek, input, 8192);
      expect([bad, pushed]).to.deep.equal([[], count]);
    });
  }

  it('rejects the cut ends and the impossible port of rita/truncated', function () {
    const tsv = collect(zeek, readFileSync(sharedData(this, 'flows/zeek/rita/truncated/conn.log')));
    expect([tsv.pushed, tally(tsv.rejects.map((reject) => reject.reason))]).to.deep.equal([
      58,
      { truncated: 1 },
    ]);
    const path = sharedData(this, 'flows/zeek/rita/truncated/conn_json.log');
    const json = collect(zeek, readFileSync(path));
    expect([json.pushed, tally(json.rejects.map((reject) => reject.reason))]).to.deep.equal([
      2,
      { 'bad-port': 1, truncated: 1 },
    ]);
  });

  // zcat of all conn and open_conn files | grep -vc '^#': 105,990 (of which 72 open connections).
  it('reads three days of rita/missing_host', function () {
    const root = sharedData(this, 'flows/zeek/rita/missing_host');
    let pushed = 0;
    let bad = 0;
    for (const day of readdirSync(root)) {
      for (const file of readdirSync(join(root, day))) {
        if (!/^(open_)?conn\./.test(file)) continue;
        const result = collect(zeek, gunzipSync(readFileSync(join(root, day, file))));
        pushed += result.pushed;
        bad += result.rejects.length;
      }
    }
    expect([pushed, bad]).to.deep.equal([105_990, 0]);
  });
});
