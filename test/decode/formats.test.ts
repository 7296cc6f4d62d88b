import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { detectFormat, formatById, formats } from '../../transforms/decode/formats.js';
import { sharedData } from '../shared-data.js';

describe('formats', () => {
  it('have ids of their own', () => {
    const ids = formats.map((format) => format.id);
    expect(new Set(ids).size).to.equal(ids.length);
    for (const format of formats) expect(formatById(format.id)).to.equal(format);
    expect(formatById('none')).to.equal(undefined);
  });

  const files = [
    ['flows/derived/csv/ssh-nf9.csv', 'csv'],
    ['flows/derived/nfcapd/ssh-nf9.nfcapd', 'nfcapd'],
    ['flows/argus/slips/test4-malicious.binetflow', 'argus'],
    ['flows/zeek/rita/proxy/conn.log', 'zeek'],
    ['flows/zeek/rita/json_with_all_fields/conn.log', 'zeek'],
    ['truth/iot23/CTU-IoT-Malware-Capture-20-1conn.log.labeled.csv', 'zeek'],
    ['flows/zeek/rita/text_file/conn.log', undefined],
    ['flows/zeek/idps/CTU-Malware-Capture-Botnet-4/ground_truth/dns.log.labeled', undefined],
    ['flows/derived/csv/ssh-nf9.json', undefined],
  ] as const;
  for (const [file, id] of files) {
    it(`${file} is ${id ?? 'of none'}`, function () {
      const head = readFileSync(sharedData(this, file)).subarray(0, 65_536);
      expect(detectFormat(head)?.id).to.equal(id);
      expect(formats.filter((format) => format.detect(head))).to.have.length(
        id === undefined ? 0 : 1,
      );
    });
  }

  it('know no format in nothing, nor throw for noise', () => {
    expect(detectFormat(new Uint8Array(0))).to.equal(undefined);
    expect(detectFormat(new Uint8Array(65_536))).to.equal(undefined);
    expect(detectFormat(new Uint8Array(65_536).fill(0xff))).to.equal(undefined);
  });
});
