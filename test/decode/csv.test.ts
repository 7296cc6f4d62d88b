import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { FLAGS_UNKNOWN } from '../../pipeline/codes.js';
import { csv } from '../../transforms/decode/csv.js';
import { sharedData } from '../shared-data.js';
import { collect, tally } from './collect.js';

const HEADER =
  'start_ms,end_ms,src_ip,dst_ip,src_port,dst_port,protocol,packets,bytes,tcp_flags,sampling_rate,sensor';
const T = 1_700_000_000_000;
const ROW = `${String(T)},${String(T + 5)},192.0.2.1,198.51.100.2,51000,443,6,10,1000,27,1000,edge-1`;
const PLAIN = {
  src: '192.0.2.1',
  dst: '198.51.100.2',
  srcPort: 51_000,
  dstPort: 443,
  protocol: 6,
  startMs: T,
  endMs: T + 5,
  packets: 10,
  bytes: 1000,
  tcpFlags: 27,
  samplingRate: 1000,
  sensor: 'edge-1',
  evidence: 0,
  initiator: 0,
};

describe('csv', () => {
  const same = [
    ['canonical', `${HEADER}\n${ROW}\n`],
    ['no line feed at the end', `${HEADER}\n${ROW}`],
    ['CRLF', `${HEADER}\r\n${ROW}\r\n`],
    ['byte order mark', `\uFEFF${HEADER}\n${ROW}\n`],
    ['empty lines', `${HEADER}\n\n\r\n${ROW}\n\n`],
    ['semicolons', `${HEADER}\n${ROW}\n`.replaceAll(',', ';')],
    ['tabs', `${HEADER}\n${ROW}\n`.replaceAll(',', '\t')],
    ['everything quoted', `${HEADER}\n${ROW.replace(/[^,]+/g, '"$&"')}\r\n`],
    ['spaces', `${HEADER}\n${ROW.replaceAll(',', ' , ')}\n`],
    ['no header', `${ROW}\n`],
    [
      'another order, other columns',
      `note,dst_addr,src_addr,proto,te,ts,sp,dp,packets,bytes,flg,sampling_rate,sampler_address,x\n` +
        `"a, ""b""",198.51.100.2,192.0.2.1,TCP,2023-11-14 22:13:20.005,2023-11-14T22:13:20Z,` +
        `51000,443,10,1000,...AP.SF,1000,edge-1,\n`,
    ],
    [
      'goflow2',
      'type,time_received_ns,sampling_rate,sampler_address,time_flow_start_ns,time_flow_end_ns,bytes,packets,src_addr,dst_addr,etype,proto,src_port,dst_port,tcp_flags\n' +
        'IPFIX,1800000000000000000,1000,edge-1,1700000000000499999,1700000000005000000,1000,10,192.0.2.1,198.51.100.2,IPv4,TCP,51000,443,27\n',
    ],
    [
      'duration',
      'ts,td,sa,da,sp,dp,pr,ipkt,ibyt,flg,sampling_rate,ra\n' +
        '1700000000.000,0.005,192.0.2.1,198.51.100.2,51000,443,tcp,10,1000,0x1b,1000,edge-1\n',
    ],
  ] as const;
  for (const [name, text] of same) {
    it(`reads the same record: ${name}`, () => {
      expect(csv.detect(Buffer.from(text))).to.equal(true);
      expect(collect(csv, text)).to.deep.equal({
        pushed: 1,
        rows: [PLAIN],
        rejects: [],
        skips: [],
      });
    });
  }

  it('reads the columns of Akvorado, time of reception included', () => {
    const text =
      'TimeReceived,SamplingRate,ExporterAddress,SrcAddr,DstAddr,SrcPort,DstPort,Proto,Packets,Bytes,TCPFlags\n' +
      '2023-11-14 22:13:20,1000,::ffff:192.0.2.9,::ffff:192.0.2.1,2001:db8::2,51000,443,6,10,1000,27\n';
    const [row] = collect(csv, text).rows;
    expect(row).to.include({ src: '192.0.2.1', dst: '2001:db8::2', startMs: T, endMs: T });
    expect(row.sensor).to.equal('::ffff:192.0.2.9');
  });

  it('has defaults for what is blank or not there', () => {
    const short = collect(csv, `src_ip,dst_ip,start_ms\n192.0.2.1,192.0.2.2,${String(T)}\n`);
    const blank = collect(csv, `${HEADER}\n${String(T)},,192.0.2.1,192.0.2.2,,,,,,,,\n`);
    const expected = {
      ...PLAIN,
      dst: '192.0.2.2',
      srcPort: 0,
      dstPort: 0,
      protocol: 0,
      endMs: T,
      packets: 0,
      bytes: 0,
      tcpFlags: FLAGS_UNKNOWN,
      samplingRate: 0,
      sensor: '',
    };
    expect(short.rows).to.deep.equal([expected]);
    expect(blank.rows).to.deep.equal([expected]);
  });

  it('takes nothing over from the record before', () => {
    const { rows } = collect(csv, `${HEADER}\n${ROW}\n${String(T)},,192.0.2.1,192.0.2.2,,,,,,,,\n`);
    expect(rows[1]).to.include({ srcPort: 0, packets: 0, tcpFlags: FLAGS_UNKNOWN, sensor: '' });
  });

  const t = String(T);
  const rejects = [
    ['bad-time', 'x,,192.0.2.1,192.0.2.2,1,2,6,1,1,,,'],
    ['bad-time', ',,192.0.2.1,192.0.2.2,1,2,6,1,1,,,'],
    ['bad-time', `${t},x,192.0.2.1,192.0.2.2,1,2,6,1,1,,,`],
    ['bad-time', `-${t},,192.0.2.1,192.0.2.2,1,2,6,1,1,,,`],
    ['bad-address', `${t},,192.0.2.256,192.0.2.2,1,2,6,1,1,,,`],
    ['bad-address', `${t},,192.0.2.1,,1,2,6,1,1,,,`],
    ['bad-address', `${t},,192.0.2.1,192.0.2.2x,1,2,6,1,1,,,`],
    ['bad-address', `${t},,010.0.2.1,192.0.2.2,1,2,6,1,1,,,`],
    ['bad-address', `${t},,192.0.2.1\u0000,192.0.2.2,1,2,6,1,1,,,`],
    ['bad-port', `${t},,192.0.2.1,192.0.2.2,65536,2,6,1,1,,,`],
    ['bad-port', `${t},,192.0.2.1,192.0.2.2,1,-2,6,1,1,,,`],
    ['bad-port', `${t},,192.0.2.1,192.0.2.2,1,99999999999999999999999,6,1,1,,,`],
    ['bad-protocol', `${t},,192.0.2.1,192.0.2.2,1,2,256,1,1,,,`],
    ['bad-protocol', `${t},,192.0.2.1,192.0.2.2,1,2,tpc,1,1,,,`],
    ['bad-number', `${t},,192.0.2.1,192.0.2.2,1,2,6,-1,1,,,`],
    ['bad-number', `${t},,192.0.2.1,192.0.2.2,1,2,6,1,1.5,,,`],
    ['bad-number', `${t},,192.0.2.1,192.0.2.2,1,2,6,1,1,,1/100,`],
    ['bad-flags', `${t},,192.0.2.1,192.0.2.2,1,2,6,1,1,SYN!,,`],
    ['bad-flags', `${t},,192.0.2.1,192.0.2.2,1,2,6,1,1,65535,,`],
    ['missing-column', 'garbage'],
    ['missing-column', `${t},,192.0.2.1,192.0.2.2,1,2,6,1,1,,`],
    ['bad-quote', `"${t},,192.0.2.1,192.0.2.2,1,2,6,1,1,,,`],
    ['bad-quote', `"${t}"x,,192.0.2.1,192.0.2.2,1,2,6,1,1,,,`],
    ['bad-quote', `${t},,192.0.2.1,192.0.2.2,1,2,6,1,1,,,"edge`],
  ] as const;
  for (const [reason, line] of rejects) {
    it(`rejects as ${reason}: ${JSON.stringify(line)}`, () => {
      const result = collect(csv, `${HEADER}\n${ROW}\n${line}\n${ROW}\n`);
      expect(result.rejects).to.deep.equal([{ reason, text: line }]);
      expect(result.rows).to.deep.equal([PLAIN, PLAIN]);
    });
  }

  it('rejects a last line that is cut', () => {
    const { rejects } = collect(csv, `${HEADER}\n${ROW.slice(0, 60)}`);
    expect(rejects.map((reject) => reject.reason)).to.deep.equal(['truncated']);
  });

  it('survives fields of a megabyte', () => {
    for (const field of [
      '9'.repeat(1e6),
      'x'.repeat(1e6),
      `"${'y'.repeat(1e6)}"`,
      '"'.repeat(1e6),
    ]) {
      const line = ROW.replace('443', field);
      expect(collect(csv, `${HEADER}\n${line}\n${ROW}\n`).rows).to.deep.equal([PLAIN]);
    }
  });

  it('skips a repeated header', () => {
    const { skips, pushed } = collect(csv, `${HEADER}\n${ROW}\n${HEADER}\n${ROW}\n`);
    expect([skips, pushed]).to.deep.equal([['header'], 2]);
  });

  it('gives the other direction of an nfdump record that counts it', () => {
    const text = `ts,te,sa,da,sp,dp,pr,ipkt,ibyt,opkt,obyt,ra\n2023-11-14 22:13:20,2023-11-14 22:13:21,192.0.2.1,192.0.2.2,1,2,TCP,3,300,4,400,192.0.2.9\n`;
    const { rows, pushed } = collect(csv, text);
    expect(pushed).to.equal(1);
    expect(rows[1]).to.include({
      src: '192.0.2.2',
      srcPort: 2,
      dstPort: 1,
      packets: 4,
      bytes: 400,
    });
    expect(rows[1]).to.include({ startMs: T, endMs: T + 1000, sensor: '192.0.2.9', protocol: 6 });
  });

  const notCsv = ['', 'hello\n', 'a,b,c\n1,2,3\n', `${ROW},x\n`, '{"src_ip":"192.0.2.1"}\n'];
  for (const text of notCsv) {
    it(`is not ${JSON.stringify(text.slice(0, 30))}`, () => {
      expect(csv.detect(Buffer.from(text))).to.equal(false);
    });
  }

  it('reads every row that it is given, whatever the chunks', () => {
    const line = fc
      .tuple(
        fc.integer({ min: 1e12, max: 2e12 }),
        fc.integer({ min: 0, max: 1e6 }),
        fc.oneof(fc.ipV4(), fc.ipV6()),
        fc.ipV4(),
        fc.integer({ min: 0, max: 65_535 }),
        fc.integer({ min: 0, max: 255 }),
        fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
        fc.integer({ min: 0, max: 0xfff }),
        fc.constantFrom('', 'a', 'edge, 2', 'Zürich'),
      )
      .map(([start, span, src, dst, port, protocol, count, flags, sensor]) => ({
        row: {
          startMs: start,
          endMs: start + span,
          dst,
          dstPort: port,
          protocol,
          bytes: count,
          sensor,
        },
        text: `${String(start)},${String(start + span)},${src},${dst},${String(port)},${String(port)},${String(protocol)},${String(count)},${String(count)},${String(flags)},0,${sensor.includes(',') ? `"${sensor}"` : sensor}`,
      }));
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 8 }),
        fc.integer({ min: 1, max: 400 }),
        (lines, size) => {
          const text = [HEADER, ...lines.map((each) => each.text), ''].join('\n');
          const { rows, rejects } = collect(csv, text, size);
          // A chunk shorter than a line is given as it is: only whole lines are compared.
          fc.pre(size >= 200);
          expect(rejects).to.deep.equal([]);
          expect(rows).to.have.length(lines.length);
          lines.forEach((each, i) => expect(rows[i]).to.include(each.row));
        },
      ),
    );
  });

  it('never throws and loses no line', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 40 })), (lines) => {
        const texts = lines.map((line) => line.replaceAll(/[\r\n]/g, ' ')).filter((line) => line);
        const result = collect(csv, [HEADER, ...texts, ''].join('\n'));
        expect(result.pushed + result.rejects.length + result.skips.length).to.equal(texts.length);
      }),
    );
  });

  // Rows counted with grep -c '^20..-', packets and bytes summed with awk (columns 12 and 13).
  const files = [
    ['derived/csv/gre-aruba-nf9.csv', 1, 2407, 302_267],
    ['derived/csv/nmap-vsn-nf5.csv', 28, 44, 2678],
    ['derived/csv/slips-test1.csv', 4593, 4652, 241_025],
    ['derived/csv/ssh-brute-nf10.csv', 134, 1178, 230_600],
    ['derived/csv/test-cc-1-nf9.csv', 594, 7931, 1_834_892],
    ['derived/csv/test7-nf9.csv', 349, 1969, 278_772],
    ['derived/nfcapd-nfpcapd/test7-malicious.csv', 439, 1969, 277_512],
  ] as const;
  for (const [file, count, packets, bytes] of files) {
    it(`reads ${file}`, function () {
      const input = readFileSync(sharedData(this, `flows/${file}`));
      const { rows, rejects, skips } = collect(csv, input, 4096);
      expect(rejects).to.deep.equal([]);
      expect(tally(skips)).to.deep.equal({ summary: 3 });
      expect(rows).to.have.length(count);
      expect(rows.reduce((sum, row) => sum + row.packets, 0)).to.equal(packets);
      expect(rows.reduce((sum, row) => sum + row.bytes, 0)).to.equal(bytes);
    });
  }
});
