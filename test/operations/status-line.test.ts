import { expect } from 'chai';
import { renderStatusLine } from '../../launch/operations/status-line.js';
import type { StreamStatus } from '../../launch/operations/stream-status.js';
import { NOW_MS, RUNNING } from './stream-statuses.js';

const EMPTY: StreamStatus = {
  ready: false,
  problem: undefined,
  counters: new Map(),
  sources: [],
  state: { bytes: 0, groups: 0, commits: 0 },
  references: [],
};

describe('status line', () => {
  it('says how a job is doing', () => {
    expect(renderStatusLine(RUNNING, NOW_MS)).to.equal(
      '1,200,012 records, 13 rejected, 9 too late, 11 datagrams dropped, 5 findings, ' +
        'watermark 31 s behind (netflow://127.0.0.1:2055), state 3.2 MB in 8 groups, 3 waiting',
    );
  });

  it('says how fast it is', () => {
    const status = {
      ...RUNNING,
      counters: new Map([...RUNNING.counters, ['records/csv', 1_120_000] as const]),
    };
    const line = renderStatusLine(status, NOW_MS, { status: RUNNING, atMs: NOW_MS - 60_000 });
    expect(line).to.match(/^1,320,012 records \(2,000\/s\), /);
    const same = renderStatusLine(status, NOW_MS, { status: RUNNING, atMs: NOW_MS });
    expect(same).to.match(/^1,320,012 records, /);
  });

  it('says why it is not ready, in one line whatever the reason holds', () => {
    const line = renderStatusLine({ ...EMPTY, problem: 'no\nroom\u001b[2J' }, NOW_MS);
    expect(line).to.equal(
      'not ready: no\\u000aroom\\u001b[2J; 0 records, 0 rejected, 0 findings, no watermark yet, ' +
        'state 0 B in 0 groups',
    );
  });

  const lags = [
    [-5000, '0 ms'],
    [1500, '1.5 s'],
    [119_000, '119 s'],
    [600_000, '10 min'],
    [3 * 3_600_000, '3.0 h'],
    [5 * 86_400_000, '5.0 d'],
  ] as const;
  for (const [lag, text] of lags) {
    it(`says that a watermark is ${text} behind`, () => {
      const sources = [{ ...RUNNING.sources[0], watermarkMs: NOW_MS - lag }];
      expect(renderStatusLine({ ...RUNNING, sources }, NOW_MS)).to.include(
        `, watermark ${text} behind, `,
      );
    });
  }

  it('knows no watermark of sources that are at their end or have not begun', () => {
    const [first] = RUNNING.sources;
    const sources = [null, Infinity, -Infinity].map((watermarkMs) => ({ ...first, watermarkMs }));
    expect(renderStatusLine({ ...RUNNING, sources }, NOW_MS)).to.include(', no watermark yet, ');
  });

  it('names the source that is farthest behind', () => {
    const [first] = RUNNING.sources;
    const sources = [first, { ...first, name: 'slow', watermarkMs: NOW_MS - 60_000 }];
    expect(renderStatusLine({ ...RUNNING, sources }, NOW_MS)).to.include('60 s behind (slow)');
  });
});
