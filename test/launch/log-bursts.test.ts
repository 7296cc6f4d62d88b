import { expect } from 'chai';
import { pino } from 'pino';
import { BurstLog } from '../../launch/log.js';

/** A log of two lines a second, what it wrote, and the hand of its clock. */
function burstLog(level = 'info'): {
  log: BurstLog;
  lines: () => Record<string, unknown>[];
  at: (ms: number) => void;
} {
  const written: Record<string, unknown>[] = [];
  const logger = pino(
    { level, base: null, timestamp: false },
    { write: (text: string) => written.push(JSON.parse(text) as Record<string, unknown>) },
  );
  let now = 0;
  return {
    log: new BurstLog(logger, { lines: 2, perMs: 1000 }, () => now),
    lines: () => written.splice(0),
    at: (ms) => (now = ms),
  };
}

const WARN = 40;

describe('burst log', () => {
  it('writes the first lines of a period, then says how many there were', () => {
    const { log, lines, at } = burstLog();
    for (const exporter of [1, 2, 3, 4]) log.warn('no-template', { exporter }, 'no template');
    at(999);
    log.warn('no-template', { exporter: 5 }, 'no template');
    expect(lines()).to.deep.equal([
      { level: WARN, exporter: 1, event: 'no-template', msg: 'no template' },
      { level: WARN, exporter: 2, event: 'no-template', msg: 'no template' },
    ]);
    at(1000);
    for (const exporter of [6, 7]) log.warn('no-template', { exporter }, 'no template');
    expect(lines()).to.deep.equal([
      { level: WARN, exporter: 6, event: 'no-template', suppressed: 3, msg: 'no template' },
      { level: WARN, exporter: 7, event: 'no-template', msg: 'no template' },
    ]);
  });

  it('counts each event for itself', () => {
    const { log, lines } = burstLog();
    for (let i = 0; i < 5; i++) log.info('a', {}, 'x');
    log.error('b', {}, 'y');
    expect(lines().map(({ event }) => event)).to.deep.equal(['a', 'a', 'b']);
  });

  it('says at the end what nothing followed', () => {
    const { log, lines, at } = burstLog();
    for (let i = 0; i < 5; i++) log.warn('a', {}, 'x');
    lines();
    log.flush();
    expect(lines()).to.deep.equal([]);
    at(1000);
    log.flush();
    expect(lines()).to.deep.equal([
      { level: WARN, event: 'a', suppressed: 3, msg: 'more of the same' },
    ]);
    for (let i = 0; i < 3; i++) log.warn('a', {}, 'x');
    lines();
    log.flush({ all: true });
    log.flush({ all: true });
    expect(lines()).to.deep.equal([
      { level: WARN, event: 'a', suppressed: 1, msg: 'more of the same' },
    ]);
  });

  it('is not silenced by a clock that is set back', () => {
    const { log, lines, at } = burstLog();
    at(10_000);
    for (let i = 0; i < 3; i++) log.warn('a', {}, 'x');
    at(5000);
    log.warn('a', {}, 'x');
    expect(lines()).to.have.length(3);
  });

  it('does not let fields say what event it is', () => {
    const { log, lines } = burstLog();
    log.warn('a', { event: 'b', suppressed: 9 }, 'x');
    expect(lines()[0]['event']).to.equal('a');
  });

  it('counts nothing below its level', () => {
    const { log, lines } = burstLog('error');
    for (let i = 0; i < 5; i++) log.debug('a', {}, 'x');
    log.flush({ all: true });
    expect(lines()).to.deep.equal([]);
  });

  it('loses no count where events are too many', () => {
    const { log, lines } = burstLog();
    for (let i = 0; i < 5; i++) log.warn('first', {}, 'x');
    for (let i = 0; i < 2000; i++) log.warn(`event-${i}`, {}, 'x');
    expect(lines().filter(({ suppressed }) => suppressed !== undefined)).to.deep.equal([
      { level: WARN, event: 'first', suppressed: 3, msg: 'more of the same' },
    ]);
  });
});
