import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { nfcapd } from '../../transforms/decode/nfcapd.js';
import { ExporterState } from '../../transforms/decode/netflow/exporter-state.js';
import { sharedData } from '../shared-data.js';
import { collect } from './collect.js';
import { expectAsNfcapd, type NfcapdHabit } from './netflow-as-nfcapd.js';
import { decodeDatagrams, udpPayloads } from './netflow-datagrams.js';

/** softflowd's datagrams, of which nfcapd made files. */
const SOFTFLOWD: readonly (readonly [name: string, habits: readonly NfcapdHabit[]])[] = [
  ['nmap-vsn-nf5', []],
  ['test-cc-1-nf5', []],
  ['gre-aruba-nf9', ['no-uptime-cycles']],
  ['ssh-nf9', ['no-uptime-cycles']],
  ['test-cc-1-nf9', ['no-uptime-cycles']],
  ['test7-nf9', []],
  ['ssh-brute-nf10', ['exchanged-uptime']],
  ['test-cc-1-nf10', ['exchanged-uptime']],
];

interface Expected {
  readonly files: readonly string[];
  readonly rows: number;
  /** Distinct sampling rates of the rows. */
  readonly rates: readonly number[];
  readonly rejects?: Readonly<Record<string, number>>;
  readonly skips: Readonly<Record<string, number>>;
}

const AKVORADO: readonly Expected[] = [
  { files: ['nfv5'], rows: 29, rates: [0], skips: {} },
  {
    files: ['options-template', 'options-data', 'template', 'data'],
    rows: 4,
    rates: [30_000],
    skips: { template: 2, options: 4 },
  },
  {
    files: [
      'multiplesamplingrates-options-template',
      'multiplesamplingrates-options-data',
      'multiplesamplingrates-template',
      'multiplesamplingrates-data',
    ],
    rows: 12,
    rates: [2000, 4000],
    skips: { template: 2, options: 2 },
  },
  // The rate is in the records.
  {
    files: ['samplingrate-template', 'samplingrate-data'],
    rows: 6,
    rates: [2048],
    skips: { template: 1 },
  },
  { files: ['physicalinterfaces'], rows: 8, rates: [1000], skips: { template: 2, options: 1 } },
  { files: ['mpls'], rows: 2, rates: [10], skips: { template: 2, options: 1 } },
  { files: ['nat'], rows: 0, rates: [], skips: { template: 4, 'nat-event': 9 } },
  // Three two-way records.
  {
    files: ['ipfixprobe-templates', 'ipfixprobe-data'],
    rows: 6,
    rates: [0],
    skips: { template: 2 },
  },
  { files: ['icmp-template', 'icmp-data'], rows: 4, rates: [0], skips: { template: 4 } },
  {
    // Frames in the records, and no addresses beside them.
    files: ['juniper-cpid-template', 'juniper-cpid-data'],
    rows: 0,
    rates: [],
    skips: { template: 1, 'no-address': 1 },
  },
  {
    files: ['data+templates'],
    rows: 10,
    rates: [100],
    rejects: { 'unknown-template': 1 },
    skips: { template: 2, options: 1 },
  },
  { files: ['data-1140'], rows: 5, rates: [1024], skips: {} },
  { files: ['data-qinq'], rows: 1, rates: [4096], skips: {} },
  { files: ['data-sflow-ipv4-data'], rows: 1, rates: [256], skips: {} },
  { files: ['data-sflow-expanded-sample'], rows: 1, rates: [1000], skips: {} },
  { files: ['data-sflow-raw-ipv4'], rows: 2, rates: [1], skips: {} },
];

const LOGSTASH: readonly Expected[] = [
  { files: ['netflow5_test_juniper_mx80'], rows: 29, rates: [1000], skips: {} },
  { files: ['netflow9_test_valid01'], rows: 7, rates: [0], skips: { template: 2 } },
  // Fields of no length are sound.
  {
    files: ['netflow9_test_0length_fields_tpl_data'],
    rows: 10,
    rates: [0],
    skips: { template: 2 },
  },
  // Fields of variable length, which NetFlow v9 does not have.
  {
    files: [
      'netflow9_test_h3c_netstream_varstring_tpl3281',
      'netflow9_test_h3c_netstream_varstring_data3281',
    ],
    rows: 1,
    rates: [0],
    skips: { template: 1 },
  },
  // Padded with what was in memory.
  {
    files: ['netflow9_test_cisco_wlc_tpl', 'netflow9_test_cisco_wlc_data261'],
    rows: 0,
    rates: [],
    skips: { template: 2, 'no-address': 19 },
  },
  // Two-way, counted in bytes alone.
  {
    files: [
      'netflow9_test_cisco_asa_2_tpl_26x',
      'netflow9_test_cisco_asa_2_tpl_27x',
      'netflow9_test_cisco_asa_2_data',
    ],
    rows: 30,
    rates: [0],
    skips: { template: 30, 'firewall-event': 4 },
  },
  {
    files: [
      'ipfix_test_yaf_tpls_option_tpl',
      'ipfix_test_yaf_tpl45841',
      'ipfix_test_yaf_data45841',
      'ipfix_test_yaf_data45873',
      'ipfix_test_yaf_data53248',
    ],
    rows: 4,
    rates: [0],
    skips: { template: 15, options: 1 },
  },
  {
    files: [
      'netflow9_test_fortigate_fortios_521_tpl',
      'netflow9_test_fortigate_fortios_521_data256',
      'netflow9_test_fortigate_fortios_521_data257',
    ],
    rows: 1,
    rates: [1],
    skips: { template: 5, options: 1 },
  },
  {
    files: [
      'netflow9_test_paloalto_81_tpl256-263',
      'netflow9_test_paloalto_81_data257_1flowset_in_large_zerofilled_packet',
    ],
    rows: 1,
    rates: [0],
    skips: { template: 8 },
  },
];

describe('netflow of real exporters', () => {
  for (const [name, habits] of SOFTFLOWD) {
    it(`softflowd, ${name}: as nfcapd's file of the same datagrams`, function () {
      const path = sharedData(this, `flows/derived/netflow-pcap/${name}.pcap`);
      const file = sharedData(this, `flows/derived/nfcapd/${name}.nfcapd`);
      const decoded = decodeDatagrams(udpPayloads(path), new ExporterState('127.0.0.1'));
      expect(decoded.rejects).to.deep.equal({});
      expectAsNfcapd(decoded.rows, collect(nfcapd, readFileSync(file)).rows, habits);
    });
  }

  for (const expected of AKVORADO) {
    it(`akvorado's ${expected.files.join(', ')}`, function () {
      const folder = sharedData(this, 'flows/netflow-pcap/akvorado/testdata');
      const datagrams = expected.files.flatMap((name) => udpPayloads(`${folder}/${name}.pcap`));
      expectDecoded(datagrams, expected);
    });
  }

  for (const expected of LOGSTASH) {
    it(`logstash's ${expected.files.join(', ')}`, function () {
      const folder = sharedData(this, 'flows/netflow-raw-udp/logstash-codec-netflow');
      const datagrams = expected.files.map((name) => readFileSync(`${folder}/${name}.dat`));
      expectDecoded(datagrams, expected);
    });
  }
});

function expectDecoded(
  datagrams: readonly Uint8Array[],
  { rows, rates, rejects = {}, skips }: Expected,
): void {
  const decoded = decodeDatagrams(datagrams);
  const found = [...new Set(decoded.rows.map((row) => row.samplingRate))];
  expect(decoded.rejects).to.deep.equal(rejects);
  expect(decoded.skips).to.deep.equal(skips);
  expect([decoded.rows.length, found.sort((a, b) => a - b)]).to.deep.equal([rows, rates]);
  for (const row of decoded.rows) expect(row.startMs).to.be.at.most(row.endMs);
}
