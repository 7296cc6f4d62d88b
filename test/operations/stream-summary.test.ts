import { expect } from 'chai';
import { LatencyHistogram } from '../../launch/operations/latency.js';
import { renderStreamSummary, type StreamRun } from '../../launch/operations/stream-summary.js';
import { RUNNING } from './stream-statuses.js';

function runOf(more: Partial<StreamRun> = {}): StreamRun {
  const latency = new LatencyHistogram();
  return { status: RUNNING, before: new Map(), latency, seconds: 600, ...more };
}

describe('summary of a stream', () => {
  it('says what the job did', () => {
    const run = runOf();
    for (const ms of [2000, 2000, 2000, 60_000]) run.latency.observe(ms);
    const lines = renderStreamSummary(run, { table: false }).split('\n');
    expect(lines.map((line) => line.split(/ {2,}/).filter((cell) => cell !== ''))).to.deep.equal([
      ['read', 'records', '1,200,012', 'in 10 min, 2,000/s'],
      ['rejected', 'csv bad-time', '7'],
      ['csv file-truncated', '1'],
      ['netflow-v9 future', '5'],
      ['dropped', 'drop-shared clouds (acme)', '3'],
      ['drop-shared clouds (example)', '4'],
      ['established not-tcp', '40,000'],
      ['late dedupe', '9'],
      ['udp queue-full', '11'],
      ['conversations', 'medium', '2,000'],
      ['strong', '8,000'],
      ['findings', 'anonymizer', '1'],
      ['known-bad-remote', '4'],
      ['latency', 'p50', '2.0 s', 'of 4 findings, from the arrival of the flow'],
      ['p99', '60 s'],
      ['state', 'commits', '1,234'],
      ['open groups', '8', '3.2 MB'],
    ]);
  });

  it('counts what this process did, and says what was before', () => {
    const before = new Map(RUNNING.counters).set('records/csv', 400_000);
    const text = renderStreamSummary(runOf({ before }), { table: false });
    expect(text).to.include('600,000  in 10 min, 1,000/s; 1,200,012 since the state began');
    expect(text).to.match(/^findings +none +0$/m);
    expect(text).not.to.match(/rejected|dropped|latency/);
  });

  it('ends with what is wrong, and is framed on a terminal', () => {
    const status = { ...RUNNING, ready: false, problem: 'the disk is full\u0007' };
    const text = renderStreamSummary(runOf({ status, seconds: 0 }), { table: true });
    expect(text).to.match(/^┌/);
    expect(text).to.match(/\nnote: the disk is full\\u0007$/);
    expect(text).not.to.match(/NaN|Infinity/);
  });
});
