import { expect } from 'chai';
import fc from 'fast-check';
import {
  ABSENT,
  JsonScanner,
  NUMBER,
  OTHER,
  STRING,
} from '../../transforms/decode/json-scanner.js';

const scanner = new JsonScanner({ a: 0, 'id.b': 1, A: 0 }, 2);

function scan(text: string): boolean {
  const bytes = Buffer.from(`}${text}}`);
  return scanner.scan(bytes, 1, bytes.length - 1);
}

function value(text: string, slot: number): string {
  return Buffer.from(`}${text}`).subarray(scanner.starts[slot], scanner.ends[slot]).toString();
}

describe('JsonScanner', () => {
  const good = [
    ['{}', ABSENT, ''],
    ['{"a":1}', NUMBER, '1'],
    ['{"A":-1.5e3}', NUMBER, '-1.5e3'],
    [' { "x" : [1, {"a": 2}, "]"] , "a" : "y\\"z" } ', STRING, 'y\\"z'],
    ['{"a":null}', OTHER, 'null'],
    ['{"a":{"a":[1]}}', OTHER, '{"a":[1]}'],
    ['{"a":1,"a":2}', NUMBER, '2'],
    ['{"aa":1,"":2}', ABSENT, ''],
    ['{"a":"}"}', STRING, '}'],
  ] as const;
  for (const [text, kind, expected] of good) {
    it(`scans ${text}`, () => {
      expect(scan(text)).to.equal(true);
      expect(scanner.kinds[0]).to.equal(kind);
      if (kind !== ABSENT) expect(value(text, 0)).to.equal(expected);
    });
  }

  const bad = [
    '',
    '[]',
    '1',
    '{',
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1,}',
    '{"a":1 "b":2}',
    '{a:1}',
    '{"a":tru}',
    '{"a":"\u0000"}',
    '{"a":"x}',
    '{"a":1}{',
    '{"a":[1}',
    '{"a":[1}]',
    `{"a":${'['.repeat(33)}${']'.repeat(33)}}`,
    '['.repeat(100_000),
  ] as const;
  for (const text of bad) {
    it(`refuses ${JSON.stringify(text.slice(0, 40))}`, () => {
      expect(scan(text)).to.equal(false);
    });
  }

  it('finds what JSON.parse finds', () => {
    const key = fc.oneof(fc.constantFrom('a', 'id.b', 'A'), fc.string({ maxLength: 5 }));
    const object = fc.dictionary(key, fc.jsonValue({ maxDepth: 3 }));
    fc.assert(
      fc.property(object, fc.constantFrom(0, 1), (record, space) => {
        const text = JSON.stringify(record, null, space).replaceAll('\n', '\t');
        expect(scan(text), text).to.equal(true);
        const found = record['id.b'];
        if (typeof found === 'number') expect(Number(value(text, 1))).to.equal(found);
        if (typeof found === 'string') expect(JSON.parse(`"${value(text, 1)}"`)).to.equal(found);
        if (!('id.b' in record)) expect(scanner.kinds[1]).to.equal(ABSENT);
      }),
    );
  });
});
