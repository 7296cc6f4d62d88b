import { expect } from 'chai';
import fc from 'fast-check';
import { parseFlags } from '../../transforms/decode/text-flags.js';
import {
  parseCount,
  parseDecimal,
  parseDurationMs,
  parsePort,
} from '../../transforms/decode/text-numbers.js';
import { parseProtocol } from '../../transforms/decode/text-protocols.js';
import { daysFromCivil, parseTime } from '../../transforms/decode/text-times.js';
import { SensorNames } from '../../transforms/decode/sensor-names.js';

type Parser = (text: Uint8Array, start: number, end: number) => number;

/** Parses within other text, so that reading past either end shows. */
function within(parse: Parser, text: string): number {
  const bytes = Buffer.from(`9${text}9`);
  return parse(bytes, 1, bytes.length - 1);
}

describe('text values', () => {
  const times = [
    ['1700000000', 1_700_000_000_000],
    ['1700000000.5', 1_700_000_000_500],
    ['1700000000.1234', 1_700_000_000_123],
    ['1700000000.1235', 1_700_000_000_124],
    ['1700000000.9996', 1_700_000_001_000],
    ['1700000000123', 1_700_000_000_123],
    ['1700000000123.5', 1_700_000_000_124],
    ['1700000000123499', 1_700_000_000_123],
    ['1700000000123500', 1_700_000_000_124],
    ['1700000000123499999', 1_700_000_000_123],
    ['1700000000123500000', 1_700_000_000_124],
    ['0', 0],
    ['16.810265', 16_810],
    ['2023-11-14T22:13:20Z', 1_700_000_000_000],
    ['2023-11-14T22:13:20', 1_700_000_000_000],
    ['2023-11-14 22:13:20.123', 1_700_000_000_123],
    ['2023/11/14 22:13:20.123500', 1_700_000_000_124],
    ['2023-11-14T23:13:20.000000001+01:00', 1_700_000_000_000],
    ['2023-11-14T17:13:20-0500', 1_700_000_000_000],
    ['2024-02-29T00:00:00Z', 1_709_164_800_000],
    ['2016-12-31T23:59:60Z', 1_483_228_800_000],
  ] as const;
  for (const [text, expected] of times) {
    it(`reads the time ${text}`, () => {
      expect(within(parseTime, text)).to.equal(expected);
    });
  }

  const noTimes = [
    '',
    '-1',
    '1e9',
    '1.2.3',
    '.5',
    '123456789012345678901',
    '2023-02-29T00:00:00Z',
    '2023-13-01T00:00:00Z',
    '2023-00-01T00:00:00Z',
    '2023-01-32T00:00:00Z',
    '2023-01-01T24:00:00Z',
    '2023-01-01T00:60:00Z',
    '2023-01-01T00:00:61Z',
    '2023-01-01T00:00:00+24:00',
    '2023-01-01T00:00:00.Z',
    '2023-01-01T00:00:00X',
    '2023-01/01T00:00:00',
    '2023-01-01',
    'yesterday',
  ] as const;
  for (const text of noTimes) {
    it(`refuses the time ${JSON.stringify(text)}`, () => {
      expect(Number.isNaN(within(parseTime, text))).to.equal(true);
    });
  }

  it('reads what Date writes', () => {
    const ms = fc.integer({ min: 0, max: 253_402_300_799_999 });
    fc.assert(
      fc.property(ms, fc.integer({ min: -1439, max: 1439 }), (time, offset) => {
        expect(within(parseTime, new Date(time).toISOString())).to.equal(time);
        const sign = offset < 0 ? '-' : '+';
        const hours = String(Math.floor(Math.abs(offset) / 60)).padStart(2, '0');
        const minutes = String(Math.abs(offset) % 60).padStart(2, '0');
        const local = time + offset * 60_000;
        if (local >= 0 && local <= 253_402_300_799_999) {
          const text = new Date(local).toISOString().replace('Z', `${sign}${hours}:${minutes}`);
          expect(within(parseTime, text)).to.equal(time);
        }
      }),
    );
  });

  it('counts days as Date does', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2_932_896 }), (days) => {
        const date = new Date(days * 86_400_000);
        const [y, m, d] = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()];
        expect(daysFromCivil(y, m, d)).to.equal(days);
      }),
    );
  });

  it('rounds nanoseconds exactly', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 10n ** 18n, max: 10n ** 19n - 1n }), (ns) => {
        expect(within(parseTime, String(ns))).to.equal(Number((ns + 500_000n) / 1_000_000n));
      }),
    );
  });

  const protocols = [
    ['6', 6],
    ['tcp', 6],
    ['TCP', 6],
    ['Udp', 17],
    ['ICMP', 1],
    ['ICMP6', 58],
    ['IPv6-ICMP', 58],
    ['GRE', 47],
    ['esp', 50],
    ['255', 255],
    ['256', -1],
    ['-6', -1],
    ['', -1],
    ['tc', -1],
    ['tcpx', -1],
    ['unknown_transport', -1],
  ] as const;
  for (const [text, expected] of protocols) {
    it(`reads the protocol ${JSON.stringify(text)} as ${String(expected)}`, () => {
      expect(within(parseProtocol, text)).to.equal(expected);
    });
  }

  const flags = [
    ['27', 0x1b],
    ['0x1b', 0x1b],
    ['0X1B', 0x1b],
    ['...AP.SF', 0x1b],
    ['.AP.SF', 0x1b],
    ['UAPRSF', 0x3f],
    ['FSPAEC', 0xdb],
    ['........', 0],
    ['0', 0],
    ['4095', 4095],
    ['4096', -1],
    ['65535', -1],
    ['-1', -1],
    ['0x', -1],
    ['0xg', -1],
    ['CON', -1],
  ] as const;
  for (const [text, expected] of flags) {
    it(`reads the flags ${text} as ${String(expected)}`, () => {
      expect(within(parseFlags, text)).to.equal(expected);
    });
  }

  const ports = [
    ['0', 0],
    ['65535', 65_535],
    ['65536', -1],
    ['-1', -1],
    ['', -1],
    ['0x0303', 0x0303],
    ['0x10000', -1],
    ['http', -1],
  ] as const;
  for (const [text, expected] of ports) {
    it(`reads the port ${JSON.stringify(text)} as ${String(expected)}`, () => {
      expect(within(parsePort, text)).to.equal(expected);
    });
  }

  it('reads counts and nothing else', () => {
    expect(within(parseCount, '18446744073709551615')).to.equal(18_446_744_073_709_551_615);
    for (const text of ['', '-1', '+1', '1.0', '1e3', '0x1', ' 1', '123456789012345678901']) {
      expect(Number.isNaN(within(parseCount, text)), text).to.equal(true);
    }
  });

  it('reads decimals as Number does', () => {
    const text = fc.double({ min: 1e-30, max: 1e15, noNaN: true }).map(String);
    fc.assert(
      fc.property(text, (decimal) => {
        const value = Number(decimal);
        expect(within(parseDecimal, decimal)).to.be.closeTo(value, value * 1e-14);
      }),
    );
    expect(within(parseDurationMs, '2.1457672119140625e-06')).to.equal(0);
    expect(within(parseDurationMs, '0.0125')).to.equal(13);
    for (const bad of ['', '.', '-1', '1e', '1e999', '1..2', 'nan']) {
      expect(Number.isNaN(within(parseDecimal, bad)), bad).to.equal(true);
    }
  });

  it('names sensors, as many as there are', () => {
    const sensors = new SensorNames();
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 20 })), (names) => {
        for (const name of names) {
          const bytes = Buffer.from(name);
          expect(sensors.of(bytes, 0, bytes.length)).to.equal(bytes.toString());
        }
      }),
    );
    const long = Buffer.alloc(1_000_000, 'x');
    expect(sensors.of(long, 0, long.length)).to.have.length(255);
  });
});
