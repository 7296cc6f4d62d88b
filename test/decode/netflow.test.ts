import { expect } from 'chai';
import { DESTINATION, FLAGS_UNKNOWN, NO_SIDE, SOURCE } from '../../pipeline/codes.js';
import { netflow } from '../../transforms/decode/netflow.js';
import { frameDatagrams } from '../../transforms/decode/netflow/datagram-frame.js';
import {
  ExporterState,
  parseExporterState,
} from '../../transforms/decode/netflow/exporter-state.js';
import { encodePreamble } from '../../transforms/decode/netflow/preamble.js';
import { collect, type PlainRow } from './collect.js';
import {
  ARRIVED_MS,
  decodeChunk,
  decodeDatagrams,
  EXPORTER,
  type Decoded,
} from './netflow-datagrams.js';
import {
  addressBytes,
  counts9,
  COUNTS9,
  ethernet,
  flowSample,
  ipfix,
  ipv4,
  ipv6,
  netflow5,
  netflow9,
  optionsTemplate10,
  optionsTemplate9,
  pack,
  rawHeader,
  set,
  sflow5,
  tcp,
  template,
  tuple,
  TUPLE,
  type Field,
} from './netflow-packets.js';

const MESSAGE_MS = 1_700_000_000_000;
const REVERSE = 29305;

const FLOW: PlainRow = {
  src: '192.0.2.1',
  dst: '198.51.100.2',
  srcPort: 50_000,
  dstPort: 443,
  protocol: 6,
  startMs: MESSAGE_MS - 10_000,
  endMs: MESSAGE_MS - 5_000,
  packets: 3,
  bytes: 300,
  tcpFlags: 0x1b,
  samplingRate: 0,
  sensor: EXPORTER,
  evidence: 0,
  initiator: NO_SIDE,
};

/** One record of an IPFIX template of the tuple, these fields, and counts. */
function ipfixRow(
  fields: readonly Field[],
  values: Uint8Array,
  more: readonly Uint8Array[] = [],
): Decoded {
  const all: readonly Field[] = [...TUPLE, ...fields];
  return decodeDatagrams([
    ipfix({}, [...more, set(2, template(300, all)), set(300, tuple(), values)]),
  ]);
}

describe('netflow', () => {
  describe('NetFlow v5', () => {
    it('reads a record', () => {
      const decoded = decodeDatagrams([netflow5({ nanoseconds: 999_999 }, [{}])]);
      expect(decoded.rows).to.deep.equal([FLOW]);
      expect(decoded.rejects).to.deep.equal({});
    });

    it('takes engine and sampling interval from the header, ports of ICMP for none', () => {
      const packet = netflow5({ engine: 0x0102, sampling: 0x4000 | 100 }, [
        { protocol: 1, dstPort: 0x0800, flags: 0 },
      ]);
      expect(decodeDatagrams([packet]).rows).to.deep.equal([
        {
          ...FLOW,
          protocol: 1,
          srcPort: 0,
          dstPort: 0,
          tcpFlags: 0,
          samplingRate: 100,
          sensor: `${EXPORTER}/258`,
        },
      ]);
    });

    it('times across the wrap of the uptime', () => {
      const cases = [
        { uptimeMs: 2_000, first: 2 ** 32 - 8_000, last: 1_000, start: 10_000, end: 1_000 },
        { uptimeMs: 2 ** 32 - 1, first: 2 ** 32 - 1_001, last: 2 ** 32 - 1, start: 1_000, end: 0 },
        // Switched after the header was made.
        { uptimeMs: 2 ** 32 - 500, first: 2 ** 32 - 1_000, last: 500, start: 500, end: -1_000 },
      ] as const;
      for (const { uptimeMs, first, last, start, end } of cases) {
        const [row] = decodeDatagrams([netflow5({ uptimeMs }, [{ first, last }])]).rows;
        expect([row.startMs, row.endMs]).to.deep.equal([MESSAGE_MS - start, MESSAGE_MS - end]);
      }
    });

    it('counts what its header says and the datagram does not hold, and the other way round', () => {
      const cut = decodeDatagrams([netflow5({}, [{}, {}]).subarray(0, 24 + 48 + 20)]);
      expect([cut.records, cut.rejects]).to.deep.equal([1, { truncated: 1 }]);
      const more = decodeDatagrams([netflow5({ count: 1 }, [{}, {}])]);
      expect([more.records, more.rejects]).to.deep.equal([1, { 'trailing-bytes': 1 }]);
    });
  });

  describe('NetFlow v9', () => {
    const TEMPLATE = set(0, template(256, [...TUPLE, ...COUNTS9]));
    const DATA = set(256, tuple(), counts9());

    it('reads a record by its template', () => {
      const decoded = decodeDatagrams([netflow9({}, [TEMPLATE, DATA])]);
      expect(decoded.rows).to.deep.equal([FLOW]);
      expect([decoded.rejects, decoded.skips]).to.deep.equal([{}, { template: 1 }]);
    });

    it('templates are of one domain and one version', () => {
      const decoded = decodeDatagrams([
        netflow9({ domain: 7 }, [TEMPLATE]),
        netflow9({ domain: 8 }, [DATA]),
        ipfix({ domain: 7 }, [DATA]),
        netflow9({ domain: 7 }, [DATA, DATA]),
      ]);
      expect(decoded.rows.map((row) => row.sensor)).to.deep.equal(Array(2).fill(`${EXPORTER}/7`));
      expect(decoded.rejects).to.deep.equal({ 'unknown-template': 2 });
    });

    it('a template replaces that of its id', () => {
      const shorter = set(0, template(256, [...TUPLE, ...COUNTS9.slice(0, 4)]));
      const decoded = decodeDatagrams([
        netflow9({}, [TEMPLATE, DATA, shorter]),
        netflow9({}, [set(256, tuple(), counts9().subarray(0, 16))]),
      ]);
      expect(decoded.rows.map((row) => row.tcpFlags)).to.deep.equal([0x1b, FLAGS_UNKNOWN]);
    });

    it('padding is no record: zeros, or up to three bytes of anything', () => {
      for (const padding of [Buffer.alloc(3, 0xee), Buffer.alloc(12)]) {
        const decoded = decodeDatagrams([
          netflow9({}, [TEMPLATE, set(256, tuple(), counts9(), padding)]),
        ]);
        expect([decoded.records, decoded.rejects]).to.deep.equal([1, {}]);
      }
      const rest = Buffer.alloc(12, 0xee);
      const decoded = decodeDatagrams([
        netflow9({}, [TEMPLATE, set(256, tuple(), counts9(), rest)]),
      ]);
      expect([decoded.records, decoded.rejects]).to.deep.equal([1, { 'bad-padding': 1 }]);
    });

    it('sampling by options: scopes are no fields, of one domain, by sampler, by record', () => {
      const samplerOptions = set(
        1,
        optionsTemplate9(
          260,
          [[1, 4]],
          [
            [48, 1],
            [49, 1],
            [50, 4],
          ],
        ),
      );
      const plainOptions = set(
        1,
        optionsTemplate9(
          261,
          [[2, 4]],
          [
            [34, 4],
            [35, 1],
          ],
        ),
      );
      const withSampler = set(0, template(257, [...TUPLE, ...COUNTS9, [48, 1]]));
      const withRate = set(0, template(258, [...TUPLE, ...COUNTS9, [34, 2]]));
      const flows = [
        TEMPLATE,
        withSampler,
        withRate,
        DATA,
        set(257, tuple(), counts9(), pack([3, 1])),
        set(257, tuple(), counts9(), pack([9, 1])),
        set(258, tuple(), counts9(), pack([50, 2])),
      ];
      const decoded = decodeDatagrams([
        netflow9({}, [
          samplerOptions,
          plainOptions,
          set(260, pack([77, 4], [3, 1], [2, 1], [1000, 4])),
          set(261, pack([88, 4], [20, 4], [1, 1])),
        ]),
        netflow9({}, flows),
        netflow9({ domain: 1 }, flows),
      ]);
      expect(decoded.rows.map((row) => row.samplingRate)).to.deep.equal([
        20, 1000, 20, 50, 0, 0, 0, 50,
      ]);
      expect(decoded.skips).to.deep.equal({ template: 8, options: 2 });
    });

    it('skips what is no flow', () => {
      const cases = [
        { reason: 'nat-event', fields: [...TUPLE, ...COUNTS9, [230, 1]], value: 1 },
        { reason: 'firewall-denied', fields: [...TUPLE, ...COUNTS9, [233, 1]], value: 3 },
        { reason: 'no-counts', fields: [...TUPLE, [61, 1]], value: 0 },
        { reason: 'firewall-event', fields: [...TUPLE, [233, 1]], value: 1 },
      ] as const;
      for (const { reason, fields, value } of cases) {
        const record =
          fields.length > 6 ? [tuple(), counts9(), pack([value, 1])] : [tuple(), pack([value, 1])];
        const decoded = decodeDatagrams([
          netflow9({}, [set(0, template(256, fields)), set(256, ...record)]),
        ]);
        expect([decoded.rows, decoded.skips]).to.deep.equal([[], { template: 1, [reason]: 1 }]);
      }
      const noAddress = decodeDatagrams([
        netflow9({}, [set(0, template(256, COUNTS9)), set(256, counts9())]),
      ]);
      expect(noAddress.skips).to.deep.equal({ template: 1, 'no-address': 1 });
    });

    it('both directions of a firewall, counted in bytes alone', () => {
      const decoded = decodeDatagrams([
        netflow9({}, [
          set(0, template(256, [...TUPLE, [231, 4], [232, 4], [152, 8], [323, 8], [233, 1]])),
          set(
            256,
            tuple(),
            pack([500, 4], [900, 4], [MESSAGE_MS - 7, 8], [MESSAGE_MS - 1, 8], [2, 1]),
          ),
        ]),
      ]);
      const times = { startMs: MESSAGE_MS - 7, endMs: MESSAGE_MS - 1, tcpFlags: FLAGS_UNKNOWN };
      const first = { ...FLOW, ...times, packets: 0, bytes: 500 };
      expect(decoded.rows).to.deep.equal([
        first,
        { ...first, src: FLOW.dst, dst: FLOW.src, srcPort: 443, dstPort: 50_000, bytes: 900 },
      ]);
      expect(decoded.records).to.equal(1);
    });

    it('a template for both families, by the addresses that are set', () => {
      const fields: readonly Field[] = [...TUPLE, [27, 16], [28, 16], ...COUNTS9];
      const two = [
        Buffer.concat([tuple(), Buffer.alloc(32), counts9()]),
        Buffer.concat([
          Buffer.alloc(8),
          tuple().subarray(8),
          addressBytes('2001:db8:0:0:0:0:0:1'),
          addressBytes('2001:db8:0:0:0:0:0:2'),
          counts9(),
        ]),
        Buffer.concat([
          Buffer.alloc(8),
          tuple().subarray(8),
          addressBytes('0:0:0:0:0:ffff:c000:201'),
          addressBytes('0:0:0:0:0:ffff:c633:6402'),
          counts9(),
        ]),
      ];
      const decoded = decodeDatagrams([
        netflow9({}, [set(0, template(256, fields)), set(256, ...two)]),
      ]);
      expect(decoded.rows.map((row) => `${row.src} ${row.dst}`)).to.deep.equal([
        '192.0.2.1 198.51.100.2',
        '2001:db8::1 2001:db8::2',
        '192.0.2.1 198.51.100.2',
      ]);
    });

    it('counts behind the device are read where no others are', () => {
      const fields: readonly Field[] = [...TUPLE, [24, 4], [23, 4]];
      for (const [more, values, packets] of [
        [[], [], 9],
        [
          [
            [2, 4],
            [1, 4],
          ],
          [pack([3, 4], [300, 4])],
          3,
        ],
      ] as const) {
        const decoded = decodeDatagrams([
          netflow9({}, [
            set(0, template(256, [...fields, ...more])),
            set(256, tuple(), pack([9, 4], [900, 4]), ...values),
          ]),
        ]);
        expect(decoded.rows.map((row) => row.packets)).to.deep.equal([packets]);
      }
    });

    it('rejects bad templates and sets, and says which', () => {
      const cases = [
        { reason: 'bad-template', sets: [set(0, template(255, TUPLE))] },
        { reason: 'bad-template', sets: [set(0, template(256, []))] },
        { reason: 'bad-template', sets: [set(0, template(256, [[8, 0]]))] },
        { reason: 'bad-template', sets: [set(0, template(256, TUPLE).subarray(0, 10))] },
        {
          reason: 'bad-template',
          sets: [
            set(
              0,
              template(256, [
                [8, 40_000],
                [12, 40_000],
              ]),
            ),
          ],
        },
        { reason: 'bad-set', sets: [pack([256, 2], [3, 2], [0, 4])] },
        { reason: 'truncated', sets: [pack([256, 2], [50, 2], [0, 4])] },
        { reason: 'unknown-template', sets: [DATA] },
      ] as const;
      for (const { reason, sets } of cases) {
        const decoded = decodeDatagrams([netflow9({}, sets)]);
        expect([decoded.rejects, decoded.rows, decoded.badPlaces]).to.deep.equal([
          { [reason]: 1 },
          [],
          0,
        ]);
      }
    });
  });

  describe('IPFIX', () => {
    const COUNTS: readonly Field[] = [
      [2, 8],
      [1, 8],
      [6, 2],
    ];
    const counts = pack([3, 8], [300, 8], [0x011b, 2]);

    it('times, absolute and relative', () => {
      const start = MESSAGE_MS - 10_000;
      const ntp = (ms: number): bigint =>
        ((BigInt(Math.floor(ms / 1000)) + 2_208_988_800n) << 32n) |
        ((BigInt(ms % 1000) << 32n) / 1000n);
      const init = MESSAGE_MS - 2 ** 32 - 100_000;
      const cases: readonly (readonly [string, readonly Field[], Uint8Array, number, number])[] = [
        [
          'ms',
          [
            [152, 8],
            [153, 8],
          ],
          pack([start + 123, 8], [start + 456, 8]),
          123,
          456,
        ],
        [
          's',
          [
            [150, 4],
            [151, 4],
          ],
          pack([start / 1000, 4], [start / 1000 + 1, 4]),
          0,
          1000,
        ],
        [
          'us',
          [
            [154, 8],
            [155, 8],
          ],
          pack([ntp(start + 123), 8], [ntp(start + 457), 8]),
          123,
          457,
        ],
        [
          'ns',
          [
            [156, 8],
            [157, 8],
          ],
          pack([ntp(start + 1), 8], [ntp(start + 999), 8]),
          1,
          999,
        ],
        [
          'us before export',
          [
            [158, 4],
            [159, 4],
          ],
          pack([9_877_000, 4], [9_500_400, 4]),
          123,
          500,
        ],
        [
          'uptime',
          [
            [160, 8],
            [22, 4],
            [21, 4],
          ],
          pack([start - 50, 8], [150, 4], [250, 4]),
          100,
          200,
        ],
        [
          'uptime that began again',
          [
            [160, 8],
            [22, 4],
            [21, 4],
          ],
          pack([init, 8], [90_100, 4], [90_200, 4]),
          100,
          200,
        ],
        [
          'uptime of unknown start',
          [
            [22, 4],
            [21, 4],
          ],
          pack([500, 4], [800, 4]),
          9_700,
          10_000,
        ],
        [
          'start and ms',
          [
            [152, 8],
            [161, 4],
          ],
          pack([start + 5, 8], [20, 4]),
          5,
          25,
        ],
        [
          'end and us',
          [
            [153, 8],
            [162, 4],
          ],
          pack([start + 50, 8], [20_000, 4]),
          30,
          50,
        ],
        ['observed', [[323, 8]], pack([start + 77, 8]), 77, 77],
        ['none', [[61, 1]], pack([0, 1]), 10_000, 10_000],
        [
          'zero',
          [
            [152, 8],
            [153, 8],
          ],
          pack([0, 8], [start + 9, 8]),
          9,
          9,
        ],
      ];
      for (const [name, fields, values, from, to] of cases) {
        const { rows } = ipfixRow([...COUNTS, ...fields], Buffer.concat([counts, values]));
        expect(rows, name).to.deep.equal([
          { ...FLOW, startMs: start + from, endMs: start + to, tcpFlags: 0x1b },
        ]);
      }
    });

    it('uptime by the start that options tell', () => {
      const { rows } = ipfixRow(
        [...COUNTS, [22, 4], [21, 4]],
        Buffer.concat([counts, pack([5_000, 4], [6_000, 4])]),
        [
          set(3, optionsTemplate10(400, [[143, 4]], [[160, 8]])),
          set(400, pack([1, 4], [MESSAGE_MS - 20_000, 8])),
        ],
      );
      expect(rows.map((row) => [row.startMs, row.endMs])).to.deep.equal([
        [MESSAGE_MS - 15_000, MESSAGE_MS - 14_000],
      ]);
    });

    it('skips fields of enterprises and of variable length', () => {
      const long = Buffer.alloc(300, 7);
      const { rows, rejects } = ipfixRow(
        [[2, 1, 12345], [96, 0xffff], [1, 4, 12345], [97, 0xffff], ...COUNTS, [152, 8], [153, 8]],
        Buffer.concat([
          pack([99, 1], [2, 1], [0, 2], [98, 4], [255, 1], [300, 2]),
          long,
          counts,
          pack([FLOW.startMs, 8], [FLOW.endMs, 8]),
        ]),
      );
      expect([rows, rejects]).to.deep.equal([[FLOW], {}]);
    });

    it('a record whose variable field ends beyond the set is a reject', () => {
      const { rows, rejects } = ipfixRow(
        [[96, 0xffff], ...COUNTS],
        Buffer.concat([pack([200, 1]), counts]),
      );
      expect([rows, rejects]).to.deep.equal([[], { truncated: 1 }]);
    });

    it('the reverse direction (RFC 5103) is a second row of the record', () => {
      const times: readonly Field[] = [
        [152, 8],
        [153, 8],
      ];
      for (const [direction, first, second] of [
        [0, NO_SIDE, NO_SIDE],
        [1, SOURCE, DESTINATION],
        [2, DESTINATION, SOURCE],
        [3, NO_SIDE, NO_SIDE],
      ] as const) {
        const decoded = ipfixRow(
          [
            ...COUNTS,
            ...times,
            [2, 4, REVERSE],
            [1, 4, REVERSE],
            [6, 1, REVERSE],
            [152, 8, REVERSE],
            [153, 8, REVERSE],
            [239, 1],
          ],
          Buffer.concat([
            counts,
            pack([FLOW.startMs, 8], [FLOW.endMs, 8], [5, 4], [5000, 4], [0x12, 1]),
            pack([FLOW.startMs + 10, 8], [FLOW.endMs - 10, 8], [direction, 1]),
          ]),
        );
        expect(decoded.records).to.equal(1);
        expect(decoded.rows).to.deep.equal([
          { ...FLOW, initiator: first },
          {
            ...FLOW,
            src: FLOW.dst,
            dst: FLOW.src,
            srcPort: 443,
            dstPort: 50_000,
            startMs: FLOW.startMs + 10,
            endMs: FLOW.endMs - 10,
            packets: 5,
            bytes: 5000,
            tcpFlags: 0x12,
            initiator: second,
          },
        ]);
      }
    });

    it('a reverse direction that saw nothing makes no row', () => {
      const { rows } = ipfixRow(
        [...COUNTS, [2, 4, REVERSE], [1, 4, REVERSE]],
        Buffer.concat([counts, pack([0, 8])]),
      );
      expect(rows).to.have.length(1);
    });

    it('sampling, in each way that options tell it', () => {
      const float = (value: number): Buffer => {
        const bytes = Buffer.alloc(8);
        bytes.writeDoubleBE(value);
        return bytes;
      };
      const cases: readonly (readonly [readonly Field[], Uint8Array, number])[] = [
        [[[34, 4]], pack([100, 4]), 100],
        [[[50, 4]], pack([200, 4]), 200],
        [
          [
            [305, 4],
            [306, 4],
          ],
          pack([1, 4], [511, 4]),
          512,
        ],
        [
          [
            [305, 4],
            [306, 4],
          ],
          pack([0, 4], [511, 4]),
          0,
        ],
        [
          [
            [309, 4],
            [310, 4],
          ],
          pack([2, 4], [2000, 4]),
          1000,
        ],
        [[[311, 8]], float(0.001), 1000],
        [[[311, 8]], float(0), 0],
        [[[311, 8]], float(-1), 0],
        [[[34, 8]], pack([2n ** 40n, 8]), 0],
      ];
      for (const [fields, values, rate] of cases) {
        for (const selector of [false, true]) {
          const scope: Field = selector ? [302, 4] : [149, 4];
          const { rows } = ipfixRow(
            [...COUNTS, ...(selector ? [[302, 4] as const] : [])],
            Buffer.concat([counts, selector ? pack([6, 4]) : Buffer.alloc(0)]),
            [set(3, optionsTemplate10(400, [scope], fields)), set(400, pack([6, 4]), values)],
          );
          expect(rows.map((row) => row.samplingRate)).to.deep.equal([rate]);
        }
      }
    });

    it('a length that lies is a reject, and what is there is read', () => {
      const message = ipfix({}, [
        set(2, template(300, [...TUPLE, ...COUNTS])),
        set(300, tuple(), counts),
      ]);
      for (const [by, rejects, rows] of [
        [100, { truncated: 1 }, 1],
        [-35, { 'trailing-bytes': 1 }, 0],
        [-message.length, { 'bad-length': 1 }, 0],
      ] as const) {
        const lying = Buffer.from(message);
        lying.writeUInt16BE(message.length + by, 2);
        const decoded = decodeDatagrams([lying]);
        expect([decoded.rejects, decoded.rows.length]).to.deep.equal([rejects, rows]);
      }
    });

    it('a withdrawal of a template is not for UDP', () => {
      const known = ipfix({}, [set(2, template(300, [...TUPLE, ...COUNTS]))]);
      const decoded = decodeDatagrams([
        known,
        ipfix({}, [set(2, pack([300, 2], [0, 2]))]),
        ipfix({}, [set(300, tuple(), counts)]),
      ]);
      expect([decoded.records, decoded.rejects]).to.deep.equal([1, {}]);
    });
  });

  describe('sFlow v5', () => {
    const SAMPLED: PlainRow = {
      ...FLOW,
      startMs: ARRIVED_MS,
      endMs: ARRIVED_MS,
      packets: 1,
      bytes: 1400,
      tcpFlags: 0x12,
      samplingRate: 512,
      sensor: '203.0.113.7',
    };
    const six = { src: '2001:db8::1', dst: '2001:db8::2' };
    const none = { srcPort: 0, dstPort: 0, tcpFlags: FLAGS_UNKNOWN };

    it('a sampled packet is a row at its arrival', () => {
      const udp = pack([50_000, 2], [443, 2], [0, 4]);
      const cases: readonly (readonly [string, Uint8Array, Partial<PlainRow>])[] = [
        ['plain', ethernet(0x0800, [], ipv4(6, tcp(0x12))), {}],
        ['tagged', ethernet(0x0800, [0x8100], ipv4(6, tcp(0x12))), {}],
        ['tagged twice', ethernet(0x0800, [0x88a8, 0x8100], ipv4(6, tcp(0x12))), {}],
        ['udp', ethernet(0x0800, [], ipv4(17, udp)), { protocol: 17, tcpFlags: FLAGS_UNKNOWN }],
        ['icmp', ethernet(0x0800, [], ipv4(1, udp)), { protocol: 1, ...none }],
        ['later fragment', ethernet(0x0800, [], ipv4(6, tcp(0x12), 0x2007)), none],
        ['cut before the flags', ethernet(0x0800, [], ipv4(6, udp)), { tcpFlags: FLAGS_UNKNOWN }],
        ['IPv6', ethernet(0x86dd, [], ipv6(6, tcp(0x12))), six],
        [
          'IPv6 with extensions',
          ethernet(
            0x86dd,
            [],
            ipv6(
              0,
              Buffer.concat([
                pack([43, 1], [0, 1], [0, 6]),
                pack([44, 1], [1, 1], [0, 14]),
                pack([51, 1], [0, 1], [1, 2], [0, 4]),
                pack([6, 1], [1, 1], [0, 10]),
                tcp(0x12),
              ]),
            ),
          ),
          six,
        ],
        [
          'later IPv6 fragment',
          ethernet(
            0x86dd,
            [],
            ipv6(44, Buffer.concat([pack([6, 1], [0, 1], [8, 2], [0, 4]), tcp(2)])),
          ),
          { ...six, ...none },
        ],
      ];
      for (const [name, frame, differs] of cases) {
        for (const expanded of [false, true]) {
          const sample = flowSample(expanded, 512, 1, rawHeader(1400, frame));
          const decoded = decodeDatagrams([sflow5('203.0.113.7', 0, 1, [sample])]);
          expect(decoded.rows, name).to.deep.equal([{ ...SAMPLED, ...differs }]);
          expect(decoded.rejects).to.deep.equal({});
        }
      }
    });

    it('headers from IP on, and packets that the agent read', () => {
      const data4 = Buffer.concat([
        pack([1400, 4], [6, 4]),
        addressBytes('192.0.2.1'),
        addressBytes('198.51.100.2'),
        pack([50_000, 4], [443, 4], [0x12, 4], [0, 4]),
      ]);
      const data6 = Buffer.concat([
        pack([1400, 4], [6, 4]),
        addressBytes('2001:db8:0:0:0:0:0:1'),
        addressBytes('2001:db8:0:0:0:0:0:2'),
        pack([50_000, 4], [443, 4], [0x12, 4], [0, 4]),
      ]);
      const decoded = decodeDatagrams([
        sflow5('2001:db8:0:0:0:0:0:7', 3, 1, [
          flowSample(false, 512, 1, rawHeader(1400, ipv4(6, tcp(0x12)), 11)),
          flowSample(false, 512, 1, rawHeader(1400, ipv6(6, tcp(0x12)), 12)),
          flowSample(false, 512, 3, data4),
          flowSample(true, 512, 4, data6),
        ]),
      ]);
      const sensor = '2001:db8::7/3';
      expect(decoded.rows).to.deep.equal([
        { ...SAMPLED, sensor },
        { ...SAMPLED, ...six, sensor },
        { ...SAMPLED, sensor },
        { ...SAMPLED, ...six, sensor },
      ]);
    });

    it('skips counters, and packets that are not IP', () => {
      const arp = rawHeader(60, ethernet(0x0806, [], Buffer.alloc(28)));
      const cut = rawHeader(60, ethernet(0x0800, [], ipv4(6, tcp(2)).subarray(0, 10)));
      const decoded = decodeDatagrams([
        sflow5('203.0.113.7', 0, 1, [
          { format: 2, body: Buffer.alloc(40) },
          { format: 4, body: Buffer.alloc(40) },
          { format: 0x1000, body: Buffer.alloc(8) },
          flowSample(false, 512, 1, arp),
          flowSample(false, 512, 1, cut),
        ]),
      ]);
      expect([decoded.rows, decoded.skips]).to.deep.equal([
        [],
        { 'counter-sample': 2, 'other-sample': 1, 'no-address': 2 },
      ]);
    });

    it('what is cut is a reject', () => {
      const sample = flowSample(
        false,
        512,
        1,
        rawHeader(1400, ethernet(0x0800, [], ipv4(6, tcp(2)))),
      );
      const datagram = sflow5('203.0.113.7', 0, 1, [sample, sample]);
      for (let length = 4; length < datagram.length; length++) {
        const decoded = decodeDatagrams([datagram.subarray(0, length)]);
        expect([decoded.rejects, decoded.badPlaces]).to.deep.equal([{ truncated: 1 }, 0]);
        expect(decoded.records).to.equal(length < 28 + 8 + sample.body.length ? 0 : 1);
      }
    });
  });

  describe('chunks', () => {
    const FIELDS = [...TUPLE, ...COUNTS9];
    const known = netflow9({ domain: 5 }, [
      set(0, template(256, FIELDS)),
      set(1, optionsTemplate9(260, [[1, 4]], [[34, 4]])),
      set(260, pack([1, 4], [64, 4])),
    ]);
    const data = netflow9({ domain: 5 }, [set(256, tuple(), counts9())]);

    it('what a chunk tells counts behind it in the chunk, and not in the next', () => {
      const decoder = netflow.decoder(encodePreamble(new ExporterState(EXPORTER)));
      const first = decodeChunk(decoder, frameDatagrams([data, known, data], ARRIVED_MS));
      expect([first.records, first.rejects]).to.deep.equal([1, { 'unknown-template': 1 }]);
      expect(first.rows[0].samplingRate).to.equal(64);
      const second = decodeChunk(decoder, frameDatagrams([data], ARRIVED_MS));
      expect([second.records, second.rejects]).to.deep.equal([0, { 'unknown-template': 1 }]);
    });

    it('the state travels as text, and is bounded', () => {
      const state = new ExporterState(EXPORTER);
      const decoder = netflow.decoder(encodePreamble(state));
      decodeChunk(decoder, frameDatagrams([known], ARRIVED_MS));
      const learned = (decoder as unknown as { state: ExporterState }).state;
      const copy = parseExporterState(learned.toText());
      expect(copy.toText()).to.equal(learned.toText());
      expect(decodeDatagrams([data], copy).rows.map((row) => row.samplingRate)).to.deep.equal([64]);

      const many = Array.from({ length: 400 }, (_, i) =>
        netflow9({ domain: i }, [set(0, template(256 + i, [...FIELDS, ...FIELDS, ...FIELDS]))]),
      );
      decodeChunk(decoder, frameDatagrams(many, ARRIVED_MS));
      const full = (decoder as unknown as { state: ExporterState }).state;
      expect(full.evicted).to.be.greaterThan(300);
      expect(full.toText().length).to.be.lessThan(60_000);
    });

    it('other text is no state', () => {
      for (const text of [
        '',
        'null',
        '{}',
        '{"exporter":"192.0.2.1"}',
        '{"exporter":"192.0.2.1","domains":[{"version":8,"id":0}]}',
        '{"exporter":"192.0.2.1","domains":[{"version":9,"id":0,"templates":[[0,"AAAA"]]}]}',
        '{"exporter":"192.0.2.1","domains":[{"version":9,"id":0,"templates":[],"samplers":[[-1,2]]}]}',
      ]) {
        expect(() => parseExporterState(text), text).to.throw(RangeError);
      }
    });

    it('a file of them is read as any other', () => {
      const preamble = encodePreamble(new ExporterState(EXPORTER));
      const frames = frameDatagrams([known, data, data], ARRIVED_MS);
      const file = Buffer.concat([preamble, frames]);
      expect(netflow.detect(file)).to.equal(true);
      expect(netflow.preambleLength(file)).to.equal(preamble.length);
      expect(netflow.preambleLength(file.subarray(0, 30))).to.equal(0);
      expect(netflow.wholeRecords(frames)).to.equal(frames.length);
      expect(netflow.wholeRecords(frames.subarray(0, frames.length - 1))).to.be.lessThan(
        frames.length,
      );
      expect(netflow.wholeRecords(frames.subarray(0, 5))).to.equal(0);
      const whole = collect(netflow, file);
      expect([whole.pushed, whole.rejects]).to.deep.equal([2, []]);
      const cut = collect(netflow, file.subarray(0, file.length - 3));
      expect([cut.pushed, cut.rejects.map(({ reason }) => reason)]).to.deep.equal([
        1,
        ['truncated'],
      ]);
    });

    it('without its preamble a chunk is one reject', () => {
      const chunk = frameDatagrams([known, data], ARRIVED_MS);
      for (const preamble of [
        Buffer.alloc(0),
        Buffer.alloc(20),
        Buffer.from('FSNFLOW1\0\0\0\x02{}'),
      ]) {
        const decoded = decodeChunk(netflow.decoder(preamble), chunk);
        expect([decoded.rejects, decoded.rows]).to.deep.equal([{ 'bad-preamble': 1 }, []]);
      }
    });

    it('datagrams of other versions are rejects', () => {
      const others = [
        Buffer.alloc(0),
        Buffer.alloc(3),
        pack([7, 2], [0, 20]),
        pack([4, 4], [0, 60]),
      ];
      const decoded = decodeDatagrams(others);
      expect(decoded.rejects).to.deep.equal({ truncated: 2, 'unsupported-version': 2 });
    });
  });
});
