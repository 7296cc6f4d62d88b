import { expect } from 'chai';
import fc from 'fast-check';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { netflow } from '../../transforms/decode/netflow.js';
import { frameDatagrams } from '../../transforms/decode/netflow/datagram-frame.js';
import { ExporterState } from '../../transforms/decode/netflow/exporter-state.js';
import { encodePreamble } from '../../transforms/decode/netflow/preamble.js';
import { sharedData } from '../shared-data.js';
import { ARRIVED_MS, decodeChunk, decodeDatagrams, EXPORTER } from './netflow-datagrams.js';
import {
  counts9,
  COUNTS9,
  ethernet,
  flowSample,
  ipfix,
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
} from './netflow-packets.js';

/** Sound datagrams of each kind, with all that a reader can be led astray by. */
const SOUND: readonly Buffer[] = [
  netflow5({}, [{}, {}, {}]),
  netflow9({}, [
    set(0, template(256, [...TUPLE, ...COUNTS9])),
    set(
      1,
      optionsTemplate9(
        260,
        [[1, 4]],
        [
          [48, 1],
          [50, 4],
        ],
      ),
    ),
    set(260, pack([1, 4], [3, 1], [100, 4])),
    set(256, tuple(), counts9(), tuple(), counts9()),
  ]),
  ipfix({}, [
    set(2, template(300, [[96, 0xffff], ...TUPLE, [2, 8], [1, 8], [152, 8], [2, 8, 29305]])),
    set(
      3,
      optionsTemplate10(
        400,
        [[302, 4]],
        [
          [305, 4],
          [306, 4],
          [160, 8],
        ],
      ),
    ),
    set(400, pack([1, 4], [1, 4], [99, 4], [1_600_000_000_000, 8])),
    set(300, pack([2, 1], [0, 2]), tuple(), pack([1, 8], [2, 8], [1_700_000_000_000, 8], [3, 8])),
  ]),
  sflow5('203.0.113.7', 1, 1, [
    flowSample(false, 10, 1, rawHeader(90, ethernet(0x86dd, [0x8100], ipv6(0, Buffer.alloc(40))))),
    flowSample(true, 10, 1, rawHeader(90, ethernet(0x86dd, [], ipv6(6, tcp(2))))),
    { format: 2, body: Buffer.alloc(12) },
  ]),
];

/** No exception, no place outside, no more rows than there are bytes for, and something said of each datagram. */
function expectAccounted(datagrams: readonly Uint8Array[]): void {
  const decoded = decodeDatagrams(datagrams);
  const bytes = datagrams.reduce((sum, datagram) => sum + datagram.length, 0);
  const rejects = Object.values(decoded.rejects).reduce((sum, count) => sum + count, 0);
  expect(decoded.badPlaces).to.equal(0);
  expect(decoded.rows.length).to.be.at.most(2 * bytes);
  expect(rejects).to.be.at.most(bytes + datagrams.length);
  for (const datagram of datagrams) {
    const alone = decodeDatagrams([datagram]);
    const said =
      alone.records + Object.keys(alone.rejects).length + Object.keys(alone.skips).length;
    expect(said, datagram.toString()).to.be.greaterThan(0);
  }
}

describe('netflow, hostile', function () {
  this.timeout(240_000);

  it('any bytes: never an exception, all accounted for', () => {
    const versions = fc.constantFrom([0, 5], [0, 9], [0, 10], [0, 0, 0, 5], []);
    fc.assert(
      fc.property(versions, fc.uint8Array({ maxLength: 400 }), (version, bytes) => {
        expectAccounted([Buffer.from([...version, ...bytes])]);
      }),
      { numRuns: 2000 },
    );
  });

  it('any sets: never an exception, all accounted for', () => {
    const sets = fc.array(
      fc.tuple(
        fc.constantFrom(0, 1, 2, 3, 4, 256, 300),
        fc.array(fc.constantFrom(0, 1, 2, 4, 8, 10, 12, 16, 256, 300, 0x8001, 0xffff), {
          maxLength: 40,
        }),
      ),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(sets, (made) => {
        const bodies = made.map(([id, words]) =>
          set(id, pack(...words.map((word) => [word, 2] as const))),
        );
        expectAccounted([netflow9({}, bodies), ipfix({}, bodies)]);
      }),
      { numRuns: 2000 },
    );
  });

  it('flipped bits and cut ends of sound datagrams', () => {
    const flips = fc.array(fc.nat(), { maxLength: 6 });
    fc.assert(
      fc.property(fc.nat(SOUND.length - 1), flips, fc.nat(), (which, bits, cut) => {
        const datagram = Buffer.from(SOUND[which]);
        for (const bit of bits) datagram[(bit >>> 3) % datagram.length] ^= 1 << (bit & 7);
        const length = cut % 3 === 0 ? cut % datagram.length : datagram.length;
        const piece = datagram.subarray(0, length);
        expectAccounted([piece, ...SOUND, piece]);
      }),
      { numRuns: 3000 },
    );
  });

  it('flipped bits of the frames and of the preamble', () => {
    const preamble = encodePreamble(new ExporterState(EXPORTER));
    const chunk = frameDatagrams(SOUND, ARRIVED_MS);
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.boolean(), (at, bit, inPreamble) => {
        const bytes = Buffer.from(inPreamble ? preamble : chunk);
        bytes[at % bytes.length] ^= 1 << (bit & 7);
        const decoder = netflow.decoder(inPreamble ? bytes : preamble);
        const decoded = decodeChunk(decoder, inPreamble ? chunk : bytes);
        expect(decoded.badPlaces).to.equal(0);
        expect(netflow.wholeRecords(bytes)).to.be.at.most(bytes.length);
      }),
      { numRuns: 2000 },
    );
  });

  it('flipped bits of what real exporters send', function () {
    const folder = sharedData(this, 'flows/netflow-raw-udp/logstash-codec-netflow');
    const files = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
    fc.assert(
      fc.property(
        fc.array(fc.nat(files.length - 1), { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(), { maxLength: 6 }),
        (which, bits) => {
          const datagrams = which.map((i) => Buffer.from(files[i]));
          for (const bit of bits) datagrams[0][(bit >>> 3) % datagrams[0].length] ^= 1 << (bit & 7);
          expect(decodeDatagrams(datagrams).badPlaces).to.equal(0);
        },
      ),
      { numRuns: 1500 },
    );
  });
});
