import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { InputConfig } from '../../launch/config/config.js';
import { thinInputs } from '../../launch/evaluate/thin.js';
import { TemporaryFiles } from '../launch/temporary-files.js';

const HEADER =
  'start_ms,end_ms,src_ip,dst_ip,src_port,dst_port,protocol,packets,bytes,tcp_flags,sampling_rate,sensor\n';
const LINE =
  '1741000000000,1741000060000,192.0.2.1,203.0.113.7,50000,443,6,10000,900000,27,1,core-1\n';

describe('thinInputs', () => {
  const files = new TemporaryFiles();

  function input(...paths: readonly string[]): InputConfig {
    return {
      uri: 'flows/*',
      location: { kind: 'glob', pattern: 'flows/*' },
      files: paths,
      format: 'auto',
      sensor: '',
      samplingRate: 0,
      unknownFlags: 'drop',
    };
  }

  async function thin(inputs: readonly InputConfig[], rate: number, seed = 1, name = 'thin') {
    const thinned = await thinInputs(inputs, rate, files.path(name), seed);
    const texts = thinned.inputs.flatMap((one) => one.files.map((f) => readFileSync(f, 'utf8')));
    return { ...thinned, texts };
  }

  it('writes what is left as canonical CSV, with the rate', async () => {
    const path = files.write('a.csv', HEADER + LINE);
    const { texts, flows, left, unread, inputs } = await thin([input(path)], 100);
    expect([flows, left, unread]).to.deep.equal([1, 1, 0]);
    expect(inputs[0]).to.include({ uri: 'flows/*', format: 'csv', unknownFlags: 'drop' });
    const [header, line] = texts[0].split('\n');
    expect(`${header}\n`).to.equal(HEADER);
    const fields = line.split(',');
    expect(Number(fields[7])).to.be.within(60, 140);
    expect(Number(fields[8])).to.equal(90 * Number(fields[7]));
    expect(fields.slice(2, 7)).to.deep.equal(['192.0.2.1', '203.0.113.7', '50000', '443', '6']);
    expect(fields.slice(10)).to.deep.equal(['100', 'core-1']);
  });

  it('multiplies the rate into that of the record, else of the input', async () => {
    const sampled = files.write('a.csv', HEADER + LINE.replace(',1,core-1', ',10,core-1'));
    const silent = files.write('b.csv', HEADER + LINE.replace(',1,core-1', ',,'));
    const inputs = [input(sampled), { ...input(silent), samplingRate: 5, sensor: 'edge "1", x' }];
    const { texts } = await thin(inputs, 10);
    expect(texts.map((text) => text.split('\n')[1].split(',').slice(10).join())).to.deep.equal([
      '100,core-1',
      '50,"edge _1_, x"',
    ]);
  });

  it('takes both directions of a Zeek connection, with flags for what it proves', async () => {
    const log =
      '#separator \\x09\n#path\tconn\n' +
      '#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\torig_bytes\tresp_bytes\tconn_state\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\n' +
      '1741000000.5\tC1\t192.0.2.1\t50000\t2001:db8::7\t443\ttcp\t60\t1\t1\tSF\tShADadFf\t9\t900\t8\t800\n' +
      '1741000000.5\tC1\t192.0.2.1\t50000\t203.0.113.7\t443\ttcp\t60\t1\t1\tSF\tShADadFf\t9000\t900000\t8000\t800000\n';
    const { texts, flows, left, unread } = await thin([input(files.write('conn.log', log))], 10);
    expect([flows, left, unread]).to.deep.equal([2, 2, 1]);
    const rows = texts[0].trim().split('\n').slice(1);
    expect(rows.map((row) => row.split(',')[2])).to.deep.equal(['192.0.2.1', '203.0.113.7']);
    // ACK and PSH; the one SYN is rarely among the sampled.
    for (const row of rows) expect(Number(row.split(',')[9]) & 0x18).to.equal(0x18);
  });

  it('gives the same bytes for the same seed, others for another', async () => {
    const path = files.write('a.csv', HEADER + LINE.repeat(50));
    const first = await thin([input(path)], 7000, 1, 'one');
    expect((await thin([input(path)], 7000, 1, 'two')).texts).to.deep.equal(first.texts);
    expect((await thin([input(path)], 7000, 2, 'three')).texts).not.to.deep.equal(first.texts);
  });

  it('counts what cannot be read, and never makes a time of what is none', async () => {
    const wrong = LINE.replace('1741000060000', '9741000060000000');
    const path = files.write('a.csv', `${HEADER}${wrong}nonsense\n${LINE}`);
    const { texts, unread } = await thin([input(path, files.write('b.bin', '\u0000\u0001'))], 2);
    expect(unread).to.be.at.least(2);
    for (const text of texts) {
      for (const row of text.trim().split('\n').slice(1)) expect(row).to.match(/^17410000/);
    }
  });
});
