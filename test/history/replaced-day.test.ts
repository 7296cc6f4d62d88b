import { expect } from 'chai';
import type { DaySensor } from '../../history/history.js';
import { replacedNotice } from '../../history/replaced-day.js';

const EDGE = { sensor: 'edge', samplingRate: 10 } as const;
const EDGE_AT_100 = { sensor: 'edge', samplingRate: 100 } as const;
const CORE = { sensor: 'core', samplingRate: 0 } as const;
const MANY = Array.from({ length: 7 }, (_, i): DaySensor => ({ sensor: `s${i}`, samplingRate: 1 }));

const ADVICE =
  ': if other inputs or another configuration wrote it, give each its own directory and run that day again';

describe('the notice of a replaced day', () => {
  for (const [name, conversations, offered, former, sensors, said] of [
    ['of more conversations', 100, 200, [EDGE], [EDGE, CORE], undefined],
    ['of 90 %', 100, 90, [EDGE], [EDGE], undefined],
    ['of none', 0, 0, [], [], undefined],
    ['where there was no file', null, 3, [], [EDGE], undefined],
    [
      'of less than 90 %',
      100,
      89,
      [EDGE],
      [EDGE],
      "100 conversations was replaced by this run's with 89",
    ],
    [
      'of as many from another sensor',
      100,
      100,
      [EDGE, CORE],
      [EDGE],
      "100 conversations was replaced by this run's with 100, without its sensor core (unknown rate)",
    ],
    [
      'of the same sensor at another rate',
      100,
      120,
      [EDGE],
      [EDGE_AT_100],
      "100 conversations was replaced by this run's with 120, without its sensor edge (1 in 10)",
    ],
    [
      'of many other sensors, of which it names five',
      100,
      60,
      MANY,
      [EDGE],
      "100 conversations was replaced by this run's with 60, without 7 of its sensors: " +
        's0 (1 in 1), s1 (1 in 1), s2 (1 in 1), s3 (1 in 1), s4 (1 in 1) and 2 more',
    ],
  ] as const) {
    it(`${said === undefined ? 'says nothing' : 'tells'} ${name}`, () => {
      const written = { kept: false, conversations, offered, sensors: former };
      const notice = replacedNotice('2025-03-03', written, sensors);
      if (said === undefined) {
        expect(notice).to.equal(undefined);
        return;
      }
      expect(notice).to.deep.equal({
        kind: 'history-replaced',
        day: '2025-03-03',
        subject: '2025-03-03',
        message: `the history of 2025-03-03 with ${said}${ADVICE}`,
      });
    });
  }

  it('says nothing of a file that was kept', () => {
    const written = { kept: true, conversations: 100, offered: 1, sensors: [EDGE] };
    expect(replacedNotice('2025-03-03', written, [])).to.equal(undefined);
  });
});
