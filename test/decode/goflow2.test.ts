import { expect } from 'chai';
import { FLAGS_UNKNOWN } from '../../pipeline/codes.js';
import { goflow2 } from '../../transforms/decode/goflow2.js';
import { collect } from './collect.js';

// Shape of a record as goflow2 v2 writes it; nanoseconds do not survive JSON.parse.
const RECORD =
  '{"type":"IPFIX","time_received_ns":1700000060000000000,"sequence_num":2,"sampling_rate":1000,' +
  '"sampler_address":"192.0.2.9","time_flow_start_ns":1700000000123499999,' +
  '"time_flow_end_ns":1700000000123500000,"bytes":1500,"packets":3,"src_addr":"192.0.2.1",' +
  '"src_net":"0.0.0.0/0","dst_addr":"198.51.100.2","etype":"IPv4","proto":"TCP","src_port":51000,' +
  '"dst_port":443,"tcp_flags":27}';
const PLAIN = {
  src: '192.0.2.1',
  dst: '198.51.100.2',
  srcPort: 51_000,
  dstPort: 443,
  protocol: 6,
  startMs: 1_700_000_000_123,
  endMs: 1_700_000_000_124,
  packets: 3,
  bytes: 1500,
  tcpFlags: 27,
  samplingRate: 1000,
  sensor: '192.0.2.9',
  evidence: 0,
  initiator: 0,
};

function replaced(key: string, value: string): string {
  return RECORD.replace(new RegExp(`"${key}":("[^"]*"|[0-9]+)`), `"${key}":${value}`);
}

describe('goflow2', () => {
  const same = [
    ['as written', RECORD],
    ['keys turned round', `{${RECORD.slice(1, -1).split(',').reverse().join(',')}}`],
    ['numbers as strings', RECORD.replace(/:([0-9]+)/g, ':"$1"')],
    ['with spaces', RECORD.replaceAll(',"', ' , "').replaceAll('":', '" : ')],
    ['with nested unknown values', RECORD.replace('{', '{"mpls":{"a":[1,"}"]},"x":null,')],
    ['protocol as a number', replaced('proto', '6')],
    ['rendered dates', replaced('time_flow_start_ns', '"2023-11-14T22:13:20.123499999Z"')],
    ['CRLF', `${RECORD}\r`],
  ] as const;
  for (const [name, line] of same) {
    it(`reads the same record: ${name}`, () => {
      expect(goflow2.detect(Buffer.from(`${line}\n`))).to.equal(true);
      const { rows, rejects } = collect(goflow2, `${line}\n\n${line}`);
      expect(rejects).to.deep.equal([]);
      expect(rows).to.deep.equal([PLAIN, PLAIN]);
    });
  }

  it('takes the time of reception where there is no better', () => {
    const line = '{"time_received_ns":1700000000000000000,"src_addr":"::1","dst_addr":"::2"}';
    const [row] = collect(goflow2, line).rows;
    const time = 1_700_000_000_000;
    expect(row).to.include({ startMs: time, endMs: time, tcpFlags: FLAGS_UNKNOWN, protocol: 0 });
    const zero = replaced('time_flow_start_ns', '0').replace(/"time_flow_end_ns":\d+/, '"x":0');
    expect(collect(goflow2, zero).rows[0]).to.include({ startMs: 1_700_000_060_000 });
  });

  const rejects = [
    ['bad-json', 'garbage'],
    ['bad-json', RECORD.slice(0, -1)],
    ['bad-json', `${RECORD},`],
    ['bad-json', RECORD.replace('IPFIX', 'IP\u0000FIX')],
    ['bad-json', '['.repeat(1_000_000)],
    ['missing-column', '{}'],
    ['missing-column', '{"src_addr":"192.0.2.1","dst_addr":"192.0.2.2"}'],
    ['missing-column', replaced('src_addr', 'null')],
    ['bad-address', replaced('src_addr', '"x"')],
    ['bad-address', replaced('src_addr', `"${'1'.repeat(1_000_000)}"`)],
    ['bad-time', replaced('time_flow_start_ns', '-1')],
    ['bad-time', replaced('time_flow_end_ns', '1.7e18')],
    ['bad-port', replaced('dst_port', '65536')],
    ['bad-port', replaced('src_port', '-1')],
    ['bad-protocol', replaced('proto', '256')],
    ['bad-number', replaced('bytes', '-5')],
    ['bad-number', replaced('packets', '1.5')],
    ['bad-flags', replaced('tcp_flags', '"x"')],
  ] as const;
  for (const [reason, line] of rejects) {
    it(`rejects as ${reason}: ${JSON.stringify(line.slice(-40))}`, () => {
      const result = collect(goflow2, `${RECORD}\n${line}\n${RECORD}\n`);
      expect(result.rejects).to.deep.equal([{ reason, text: line }]);
      expect(result.rows).to.deep.equal([PLAIN, PLAIN]);
    });
  }

  it('rejects a last object that is cut', () => {
    const { rejects: cut } = collect(goflow2, `${RECORD}\n${RECORD.slice(0, 99)}`);
    expect(cut.map((reject) => reject.reason)).to.deep.equal(['truncated']);
  });

  for (const text of ['', '{}\n', '[1]\n', '{"ts":1,"src_addr":"192.0.2.1"}\n', 'a,b\n']) {
    it(`is not ${JSON.stringify(text)}`, () => {
      expect(goflow2.detect(Buffer.from(text))).to.equal(false);
    });
  }
});
