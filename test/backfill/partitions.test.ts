import { expect } from 'chai';
import { backfillSpan, type SpanFlags } from '../../launch/backfill/partitions.js';

const DAY = 86_400_000;

describe('the partitions of a backfill', () => {
  const FLAGS: SpanFlags = { from: '2026-01-01', to: '2026-02-01', every: '1d' };

  function cut(
    flags: Partial<SpanFlags>,
    findingWindowMs = DAY,
    history: string | undefined = 'history',
  ): readonly string[] {
    const span = backfillSpan({ ...FLAGS, ...flags }, { findingWindowMs, history });
    return 'problems' in span
      ? span.problems.map(({ place, message }) => `${place}: ${message}`)
      : span.partitions.map(({ name, endMs }) => `${name} ${new Date(endMs).toISOString()}`);
  }

  it('begin with --from, end before --to, and the last may be shorter', () => {
    const days = cut({});
    expect(days).to.have.length(31);
    expect(days[0]).to.equal('2026-01-01 2026-01-02T00:00:00.000Z');
    expect(days[30]).to.equal('2026-01-31 2026-02-01T00:00:00.000Z');
    expect(cut({ to: '2026-01-04', every: '2d' })).to.deep.equal([
      '2026-01-01 2026-01-03T00:00:00.000Z',
      '2026-01-03 2026-01-04T00:00:00.000Z',
    ]);
  });

  it('are named by their time where they begin within a day', () => {
    const span = backfillSpan(
      { from: '2026-01-01', to: '2026-01-01T12:00:00Z', every: '6h' },
      { findingWindowMs: DAY / 4, history: undefined },
    );
    if ('problems' in span) throw new Error('no span');
    expect(span.partitions.map(({ name }) => name)).to.deep.equal([
      '2026-01-01',
      '2026-01-01T06-00-00Z',
    ]);
  });

  it('are whole finding windows, and with a history whole days', () => {
    expect(cut({ every: '36h' })).to.deep.equal([
      '--every: expected a multiple of finding windows (1d), got "36h"',
    ]);
    expect(cut({ every: '6h' }, DAY / 4)).to.deep.equal([
      '--every: expected a multiple of finding windows (6h) and, because a history is kept, of UTC days: of 1d, got "6h"',
    ]);
    expect(cut({ from: '2026-01-02', every: '7d' }, 7 * DAY)[0]).to.equal(
      '--from: expected an edge of finding windows (7d), such as 2026-01-01T00:00:00.000Z or 2026-01-08T00:00:00.000Z, got "2026-01-02"',
    );
  });

  it('are refused where the time is none', () => {
    expect(cut({ from: '2026-02-30' })[0]).to.match(/^--from: expected a day or a time/);
    expect(cut({ to: 'yesterday' })[0]).to.match(/^--to: expected a day or a time/);
    expect(cut({ to: '2026-01-01' })).to.deep.equal([
      '--to: expected a time after --from, got "2026-01-01"',
    ]);
    expect(cut({ every: '0d' })[0]).to.match(/^--every: expected a multiple/);
    expect(cut({ margin: '8d' })[0]).to.match(/^--margin: expected a duration from 0s to 7d/);
    expect(cut({ from: '1990-01-01', to: '2026-01-01' })[0]).to.match(/at most 10000 partitions/);
  });
});
