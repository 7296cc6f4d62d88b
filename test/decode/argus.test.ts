import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { DESTINATION, FLAGS_UNKNOWN, GRADE, NO_SIDE, SOURCE } from '../../pipeline/codes.js';
import { argus } from '../../transforms/decode/argus.js';
import { sharedData } from '../shared-data.js';
import { collect, tally } from './collect.js';

const HEADER =
  'StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes,SrcPkts,Label';
const ROW =
  '2023/11/14 22:13:20.123456,1.500000,tcp,192.0.2.1,51000,   ->,198.51.100.2,443,FSPA_SPA,0,0,9,768,360,5,x';

function changed(from: string, to: string): string {
  return ROW.replace(from, to);
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
  tcpFlags: 0x1b,
  samplingRate: 0,
  sensor: '',
  evidence: 0,
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
  tcpFlags: 0x1a,
  initiator: DESTINATION,
};

describe('argus', () => {
  const same = [
    ['as written', `${HEADER}\n${ROW}\n`],
    ['CRLF', `${HEADER}\r\n${ROW}\r\n`],
    ['tabs', `${HEADER}\n${ROW}\n`.replaceAll(',', '\t')],
    ['without label', `${HEADER.replace(',Label', '')}\n${ROW.slice(0, -2)}`],
    ['epoch time', `${HEADER}\n${changed('2023/11/14 22:13:20.123456', '1700000000.123456')}\n`],
  ] as const;
  for (const [name, text] of same) {
    it(`reads the same record: ${name}`, () => {
      expect(argus.detect(Buffer.from(text))).to.equal(true);
      const { rows, rejects, pushed } = collect(argus, text);
      expect(rejects).to.deep.equal([]);
      expect(rows).to.deep.equal([FORTH, BACK]);
      expect(pushed).to.equal(1);
    });
  }

  const directions = [
    ['   ->', SOURCE],
    ['  <-', DESTINATION],
    ['  <->', NO_SIDE],
    ['   ?>', NO_SIDE],
    ['  <?>', NO_SIDE],
    ['  <?', NO_SIDE],
    ['  who', NO_SIDE],
    ['', NO_SIDE],
  ] as const;
  for (const [dir, initiator] of directions) {
    it(`reads the direction ${JSON.stringify(dir)}`, () => {
      const { rows } = collect(argus, `${HEADER}\n${changed('   ->', dir)}\n`);
      expect(rows[0].initiator).to.equal(initiator);
      expect(rows[1].initiator).to.equal(initiator === NO_SIDE ? NO_SIDE : 3 - initiator);
    });
  }

  const states = [
    ['CON', GRADE.medium],
    ['EST', GRADE.medium],
    ['FIN', GRADE.medium],
    ['ACC', GRADE.answered],
    ['REQ', GRADE.attempt],
    ['S0', GRADE.attempt],
    ['RST', GRADE.attempt],
    ['TIM', GRADE.unknown],
    ['', GRADE.unknown],
  ] as const;
  for (const [state, evidence] of states) {
    it(`grades the state ${JSON.stringify(state)} of TCP, and of nothing else`, () => {
      const line = changed('FSPA_SPA', state);
      const { rows } = collect(argus, `${HEADER}\n${line}\n${line.replace('tcp', 'udp')}\n`);
      expect(rows[0]).to.include({ evidence, tcpFlags: FLAGS_UNKNOWN });
      expect(rows[2]).to.include({ evidence: 0, tcpFlags: FLAGS_UNKNOWN, protocol: 17 });
    });
  }

  it('gives one row for one direction', () => {
    const text = `${HEADER}\n${changed('9,768,360,5', '5,360,360,5').replace('_SPA', '_')}\n${changed('9,768,360,5', '4,408,0,0')}\n`;
    expect(collect(argus, text).rows).to.deep.equal([FORTH, BACK]);
  });

  it('does not guess packets that are not split', () => {
    const header = HEADER.replace(',SrcPkts', '');
    const { rows } = collect(argus, `${header}\n${changed(',360,5,', ',360,')}\n`);
    expect(rows).to.deep.equal([
      { ...FORTH, packets: 0 },
      { ...BACK, packets: 0 },
    ]);
  });

  it('leaves out the ports of ICMP', () => {
    const line = changed('tcp', 'icmp').replace('51000', '0x0303').replace(',443,', ',0x7208,');
    const { rows } = collect(argus, `${HEADER}\n${line.replace('FSPA_SPA', 'URP')}\n`);
    expect(rows[0]).to.include({ protocol: 1, srcPort: 0, dstPort: 0 });
  });

  it('skips what is not IP', () => {
    const lines = [
      '2023/11/14 22:13:20.1,0.000809,man,0,0,,0,0,STA,,,0,0,0,0,',
      '2023/11/14 22:13:20.1,1.1,arp,192.0.2.1,,  who,192.0.2.2,,INT,,,2,84,84,2,',
      '2023/11/14 22:13:20.1,1.1,llc,00:00:5e:00:53:01,,   ->,00:00:5e:00:53:02,,INT,,,2,84,84,2,',
      HEADER,
    ];
    const { skips, rows, rejects } = collect(argus, [HEADER, ...lines, ''].join('\n'));
    expect([rows, rejects]).to.deep.equal([[], []]);
    expect(skips).to.deep.equal(['management', 'not-ip', 'not-ip', 'header']);
  });

  const rejects = [
    ['bad-time', changed('2023/11/14 22', '2023/11/14 25')],
    ['bad-time', changed('1.500000', '-1')],
    ['bad-address', changed('192.0.2.1', '192.0.2')],
    ['bad-address', changed('192.0.2.1', '7'.repeat(1_000_000))],
    ['bad-port', changed('51000', '65536')],
    ['bad-port', changed('443', 'https')],
    ['bad-protocol', changed('tcp', 'unas')],
    ['bad-number', changed('768', '-768')],
    ['bad-number', changed('768', '300')],
    ['bad-flags', changed('FSPA_SPA', 'X_Y')],
    ['missing-column', 'garbage'],
    ['missing-column', '\u0000'],
  ] as const;
  for (const [reason, line] of rejects) {
    it(`rejects as ${reason}: ${JSON.stringify(line.slice(0, 50))}`, () => {
      const result = collect(argus, `${HEADER}\n${line}\n${ROW}\n`);
      expect(result.rejects).to.deep.equal([{ reason, text: line }]);
      expect(result.rows).to.deep.equal([FORTH, BACK]);
    });
  }

  it('rejects a last line that is cut', () => {
    const { rejects: cut } = collect(argus, `${HEADER}\n${ROW.slice(0, 70)}`);
    expect(cut.map((reject) => reject.reason)).to.deep.equal(['truncated']);
  });

  // Counted with Python's csv module: records beside man, arp and llc; directions with packets (bytes in test4).
  const files = [
    ['argus/slips/test11-portscan.binetflow', 66, 86, {}],
    ['argus/slips/test2-malicious.binetflow', 6751, 13_412, {}],
    ['argus/slips/test3-mixed.binetflow', 89, 141, {}],
    ['argus/slips/test4-malicious.binetflow', 392, 512, { 'not-ip': 2 }],
    ['derived/argus/gre-aruba.binetflow', 6, 6, { management: 2 }],
    ['derived/argus/nmap-vsn.binetflow', 23, 38, { management: 2, 'not-ip': 245 }],
    ['derived/argus/ssh.binetflow', 31, 60, { management: 2 }],
    ['derived/argus/test-cc-capture-1.binetflow', 299, 598, { management: 2 }],
    ['derived/argus/test7-malicious.binetflow', 738, 833, { management: 2, 'not-ip': 17 }],
  ] as const;
  for (const [file, records, rowCount, skipped] of files) {
    it(`reads ${file}`, function () {
      const input = readFileSync(sharedData(this, `flows/${file}`));
      const result = collect(argus, input, 4096);
      expect(result.rejects).to.deep.equal([]);
      expect([result.pushed, result.rows.length]).to.deep.equal([records, rowCount]);
      expect(tally(result.skips)).to.deep.equal(skipped);
    });
  }
});
