import { expect } from 'chai';
import fc from 'fast-check';
import {
  ACK,
  DESTINATION,
  FIN,
  FLAGS_UNKNOWN,
  NO_SIDE,
  PSH,
  REASON_NAMES,
  RST,
  SOURCE,
  SYN,
  TCP,
} from '../../pipeline/codes.js';
import { orientBatch } from '../../transforms/orient.js';
import { isKnownService } from '../../transforms/orient/known-services.js';
import {
  clientSide,
  orientationReason,
  orientPorts,
  orientRecord,
} from '../../transforms/orient/orientation.js';
import { batchOf } from '../pipeline/flow-rows.js';

const SIDES = ['nobody', 'source', 'destination'] as const;

function told(orientation: number): string {
  return `${SIDES[clientSide(orientation)]} ${REASON_NAMES[orientationReason(orientation)]}`;
}

/** Name, initiator, flags, packets, source port, destination port, client and reason. */
const cases = [
  ['an initiator that the format saw', SOURCE, 0, 5, 443, 50_000, 'source initiator'],
  ['an initiator against flags', DESTINATION, SYN, 1, 50_000, 443, 'destination initiator'],
  ['SYN without ACK: the sender is the client', NO_SIDE, SYN, 1, 443, 50_000, 'source handshake'],
  ['SYN without ACK in many packets', NO_SIDE, SYN | RST, 6, 80, 50_000, 'source handshake'],
  [
    'SYN+ACK in one packet: the sender is the server',
    NO_SIDE,
    SYN | ACK,
    1,
    50_000,
    443,
    'destination handshake',
  ],
  [
    'SYN+ACK over many packets says nothing',
    NO_SIDE,
    SYN | ACK,
    2,
    50_000,
    443,
    'source known-service',
  ],
  [
    'a whole direction with SYN and ACK says nothing',
    NO_SIDE,
    SYN | ACK | PSH | FIN,
    9,
    443,
    50_000,
    'destination known-service',
  ],
  [
    'SYN+ACK in no known number of packets',
    NO_SIDE,
    SYN | ACK,
    0,
    50_000,
    443,
    'source known-service',
  ],
  ['ACK alone says nothing', NO_SIDE, ACK, 1, 50_000, 443, 'source known-service'],
  ['unknown flags are no SYN', NO_SIDE, FLAGS_UNKNOWN, 1, 50_000, 443, 'source known-service'],
  [
    'a known service on exactly one side',
    NO_SIDE,
    0,
    3,
    27_017,
    60_000,
    'destination known-service',
  ],
  ['a known service against a lower port', NO_SIDE, 0, 3, 900, 8080, 'source known-service'],
  [
    'known services on both sides: the next rule',
    NO_SIDE,
    0,
    3,
    443,
    8080,
    'destination privileged-port',
  ],
  ['known services on both sides above 1024', NO_SIDE, 0, 3, 8080, 8443, 'destination lower-port'],
  ['below 1024 against above', NO_SIDE, 0, 3, 1023, 1024, 'destination privileged-port'],
  ['both below 1024', NO_SIDE, 0, 3, 1022, 1023, 'destination lower-port'],
  ['both at 1024 or above', NO_SIDE, 0, 3, 1024, 1025, 'destination lower-port'],
  [
    'Linux clients: below 32768 against 32768',
    NO_SIDE,
    0,
    3,
    32_768,
    32_767,
    'source ephemeral-port',
  ],
  ['both from 32768 and below 49152', NO_SIDE, 0, 3, 32_768, 49_151, 'destination lower-port'],
  [
    'Windows clients: below 49152 against 49152',
    NO_SIDE,
    0,
    3,
    49_152,
    49_151,
    'source ephemeral-port',
  ],
  ['both from 49152', NO_SIDE, 0, 3, 49_153, 49_152, 'source lower-port'],
  ['equal ports', NO_SIDE, 0, 3, 500, 500, 'nobody unknown'],
  ['equal ephemeral ports', NO_SIDE, 0, 3, 50_000, 50_000, 'nobody unknown'],
  ['equal ports with a SYN', NO_SIDE, SYN, 3, 500, 500, 'source handshake'],
  ['port 0 against a high one', NO_SIDE, 0, 3, 0, 2000, 'destination privileged-port'],
] as const;

const port = fc.oneof(
  fc.nat(65_535),
  fc.constantFrom(0, 443, 1023, 1024, 8080, 32_767, 32_768, 49_151, 49_152, 65_535),
);
const side = fc.constantFrom(NO_SIDE, SOURCE, DESTINATION);

function other(of: number): number {
  return of === NO_SIDE ? NO_SIDE : SOURCE + DESTINATION - of;
}

describe('orientRecord', () => {
  for (const [name, initiator, flags, packets, srcPort, dstPort, expected] of cases) {
    it(name, () => {
      expect(told(orientRecord(initiator, flags, packets, srcPort, dstPort))).to.equal(expected);
    });
  }

  it('does not care which side is called source, but for the flags of its sender', () => {
    fc.assert(
      fc.property(
        side,
        fc.constantFrom(0, ACK, ACK | PSH, FLAGS_UNKNOWN),
        fc.nat(20),
        port,
        port,
        (initiator, flags, packets, src, dst) => {
          const found = orientRecord(initiator, flags, packets, src, dst);
          const swapped = orientRecord(other(initiator), flags, packets, dst, src);
          expect(clientSide(swapped)).to.equal(other(clientSide(found)));
          expect(orientationReason(swapped)).to.equal(orientationReason(found));
        },
      ),
    );
  });

  it('takes the sender of a SYN for the client, whatever the ports and whichever it is called', () => {
    fc.assert(
      fc.property(port, port, fc.integer({ min: 1, max: 9 }), (src, dst, packets) => {
        expect(told(orientRecord(NO_SIDE, SYN, packets, src, dst))).to.equal('source handshake');
        expect(told(orientRecord(NO_SIDE, SYN, packets, dst, src))).to.equal('source handshake');
      }),
    );
  });

  it('agrees with orientPorts where the record shows nothing else', () => {
    fc.assert(
      fc.property(port, port, (src, dst) => {
        expect(orientRecord(NO_SIDE, ACK, 5, src, dst)).to.equal(orientPorts(src, dst));
      }),
    );
  });

  it('knows no service where systems number their clients', () => {
    for (let from = 32_768; from < 65_536; from++) expect(isKnownService(from)).to.equal(false);
  });
});

describe('orientBatch', () => {
  it('fills client and reason of TCP rows and leaves the others', () => {
    const flow = { src: '192.0.2.1', dst: '203.0.113.1', srcPort: 50_000, dstPort: 443 };
    const batch = batchOf(4, [
      { ...flow, protocol: TCP, tcpFlags: ACK, packets: 2 },
      { ...flow, protocol: 17 },
      { ...flow, protocol: TCP, tcpFlags: SYN | ACK, packets: 1, srcPort: 9, dstPort: 60_000 },
    ]);
    orientBatch(batch);
    orientBatch(batch);
    expect([...batch.columns.client]).to.deep.equal([SOURCE, NO_SIDE, DESTINATION]);
    expect([...batch.columns.reason].map((reason) => REASON_NAMES[reason])).to.deep.equal([
      'known-service',
      'unknown',
      'handshake',
    ]);
  });
});
