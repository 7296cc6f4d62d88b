import { expect } from 'chai';
import { FLAGS_UNKNOWN, GRADE, GRADE_NAMES } from '../../pipeline/codes.js';
import { gradeRecord } from '../../transforms/established/grade.js';

const FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'] as const;
type Flag = (typeof FLAGS)[number];

/** The rule in words once more, over sets of names. URG decides nothing. */
function gradeInWords(flags: ReadonlySet<Flag>): string {
  const seen = new Set<Flag>([...flags].filter((flag) => flag !== 'URG'));
  const are = (...names: Flag[]): boolean =>
    seen.size === names.length && names.every((name) => seen.has(name));
  if (flags.size === 0) return 'unknown';
  if (!seen.has('ACK')) return 'attempt';
  if (seen.has('PSH')) return 'strong';
  if (seen.has('FIN') && !seen.has('RST')) return 'strong';
  if (are('RST', 'ACK')) return 'attempt';
  if (!seen.has('SYN')) return 'medium';
  // An open port and, with RST, one that was let go again: no more than an answer.
  return 'answered';
}

describe('gradeRecord', () => {
  for (let mask = 0; mask < 64; mask++) {
    const flags = new Set(FLAGS.filter((_flag, bit) => (mask & (1 << bit)) !== 0));
    const expected = gradeInWords(flags);
    it(`${[...flags].join('+') || 'no flag'} is ${expected}`, () => {
      expect(GRADE_NAMES[gradeRecord(0, mask, 1, 40)]).to.equal(expected);
      // Counts decide only where flags say nothing; ECE and CWR nowhere.
      if (mask !== 0) {
        expect(GRADE_NAMES[gradeRecord(0, mask, 1000, 1_000_000)]).to.equal(expected);
        expect(GRADE_NAMES[gradeRecord(0, mask | 0xc0, 1, 40)]).to.equal(expected);
      }
    });
  }

  const flagless = [
    [4, 241, 'medium'],
    [4, 240, 'unknown'],
    [3, 9000, 'unknown'],
    [5, 301, 'medium'],
    [5, 300, 'unknown'],
    [1_000_000, 61_000_000, 'medium'],
    [0, 0, 'unknown'],
    [0, 100, 'unknown'],
    [4, 0, 'unknown'],
  ] as const;
  for (const [packets, bytes, expected] of flagless) {
    it(`without flags, ${packets} packets of ${bytes} bytes in all are ${expected}`, () => {
      expect(GRADE_NAMES[gradeRecord(0, FLAGS_UNKNOWN, packets, bytes)]).to.equal(expected);
      expect(GRADE_NAMES[gradeRecord(0, 0, packets, bytes)]).to.equal(expected);
    });
  }

  it('believes what the format proves, whatever the flags', () => {
    for (const evidence of [GRADE.attempt, GRADE.answered, GRADE.medium, GRADE.strong]) {
      for (const flags of [0, 0x02, 0x18, FLAGS_UNKNOWN]) {
        expect(gradeRecord(evidence, flags, 100, 100_000)).to.equal(evidence);
      }
    }
  });
});
