import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { BoundedLabels } from '../../launch/operations/bounded-labels.js';
import { JobMetrics } from '../../launch/operations/job-metrics.js';
import { LatencyHistogram } from '../../launch/operations/latency.js';
import type { StreamStatus } from '../../launch/operations/stream-status.js';
import { NOW_MS, RUNNING } from './stream-statuses.js';

/** Lines of flowsieve's own metrics, without comments. */
async function linesOf(metrics: JobMetrics, status: StreamStatus): Promise<string[]> {
  const text = await metrics.text(status, NOW_MS);
  return text.split('\n').filter((line) => line.startsWith('flowsieve_'));
}

async function firstLines(status: StreamStatus): Promise<string[]> {
  return linesOf(new JobMetrics(undefined), status);
}

describe('metrics', () => {
  it('show a job that has seen something of everything', async () => {
    const lines = await firstLines(RUNNING);
    expect(lines.filter((line) => !line.startsWith('flowsieve_finding_latency'))).to.deep.equal([
      'flowsieve_watermark_lag_seconds{source="netflow://127.0.0.1:2055"} 31',
      'flowsieve_exporters{source="netflow://127.0.0.1:2055"} 2',
      'flowsieve_exporters{source="incoming/*.csv"} 0',
      'flowsieve_waiting_elements{source="netflow://127.0.0.1:2055"} 3',
      'flowsieve_waiting_elements{source="incoming/*.csv"} 0',
      'flowsieve_waiting_bytes{source="netflow://127.0.0.1:2055"} 4500',
      'flowsieve_waiting_bytes{source="incoming/*.csv"} 0',
      'flowsieve_state_bytes 3200000',
      'flowsieve_open_groups 8',
      'flowsieve_commits_total 1234',
      'flowsieve_reference_info{version="20250303-a1b2"} 1',
      'flowsieve_feed_age_seconds{feed="my-c2"} 3600',
      'flowsieve_ready 1',
      'flowsieve_records_total{format="csv"} 1000000',
      'flowsieve_records_total{format="netflow-v9"} 200000',
      'flowsieve_rejects_total{format="csv",reason="bad-time"} 7',
      'flowsieve_rejects_total{format="csv",reason="file-truncated"} 1',
      'flowsieve_rejects_total{format="netflow-v9",reason="future"} 5',
      'flowsieve_dropped_total{step="established",reason="not-tcp"} 40000',
      'flowsieve_dropped_total{step="drop-shared",reason="clouds"} 7',
      'flowsieve_late_dropped_total{step="dedupe"} 9',
      'flowsieve_udp_dropped_total{reason="queue-full"} 11',
      'flowsieve_udp_lost_total{by="sequence"} 13',
      'flowsieve_udp_evicted_total{what="templates"} 2',
      'flowsieve_pubsub_total{event="messages"} 500',
      'flowsieve_conversations_total{grade="strong"} 8000',
      'flowsieve_conversations_total{grade="medium"} 2000',
      'flowsieve_findings_total{filter="known-bad-remote"} 4',
      'flowsieve_findings_total{filter="anonymizer"} 1',
      'flowsieve_withdrawals_total{sink="files",filter="anonymizer"} 1',
      'flowsieve_reference_total{event="delivered"} 1',
      'flowsieve_suppressions_total{event="delivered"} 1',
    ]);
  });

  it('are those that docs/operations.md has, with their types and labels', async () => {
    const page = readFileSync('docs/operations.md', 'utf8');
    const rows = [...page.matchAll(/^\| `(flowsieve_[a-z_]+)(?:\{([a-z,]+)\})?` +\| ([a-z]+)/gm)];
    const documented = new Map(rows.map(([, name, labels = '', type]) => [name, { labels, type }]));
    const text = await new JobMetrics(undefined).text(RUNNING, NOW_MS);
    const types = [...text.matchAll(/^# TYPE (flowsieve_\w+) (\w+)$/gm)];
    expect([...documented.keys()].sort()).to.deep.equal(types.map(([, name]) => name).sort());
    for (const [, name, type] of types) {
      const sample = new RegExp(`^${name}(?:\\{(.*)\\})? `, 'm').exec(text)?.[1] ?? '';
      const labels = [...sample.matchAll(/(\w+)="/g)].map(([, label]) => label).join(',');
      expect(documented.get(name), name).to.deep.equal({ labels, type });
    }
  });

  it('have what prom-client knows of the process', async () => {
    const text = await new JobMetrics(undefined).text(RUNNING, NOW_MS);
    expect(text).to.include('process_cpu_seconds_total');
    expect(text).to.include('nodejs_eventloop_lag_p99_seconds');
  });

  it('show latencies in buckets, in seconds', async () => {
    const latency = new LatencyHistogram();
    const metrics = new JobMetrics(latency);
    for (const ms of [80, 2000, 10_000_000]) latency.observe(ms);
    const lines = await linesOf(metrics, RUNNING);
    const found = lines.filter((line) => line.startsWith('flowsieve_finding_latency_seconds'));
    expect(found).to.have.length(14 + 3);
    expect(found).to.include('flowsieve_finding_latency_seconds_bucket{le="0.1"} 1');
    expect(found).to.include('flowsieve_finding_latency_seconds_bucket{le="2.5"} 2');
    expect(found).to.include('flowsieve_finding_latency_seconds_bucket{le="3600"} 2');
    expect(found).to.include('flowsieve_finding_latency_seconds_bucket{le="+Inf"} 3');
    expect(found).to.include('flowsieve_finding_latency_seconds_count 3');
  });

  it('follow the status: what is gone is not shown any more', async () => {
    const metrics = new JobMetrics(undefined);
    await metrics.text(RUNNING, NOW_MS);
    const lines = await linesOf(metrics, {
      ...RUNNING,
      ready: false,
      sources: [],
      references: [{ version: 'next', feeds: [] }],
    });
    expect(lines.some((line) => line.includes('source='))).to.equal(false);
    expect(lines).to.include('flowsieve_reference_info{version="next"} 1');
    expect(lines.some((line) => line.includes('a1b2'))).to.equal(false);
    expect(lines).to.include('flowsieve_ready 0');
  });

  it('escape what comes from data', async () => {
    const counters = new Map([['rejects/a"b\\c\n# TYPE evil/x', 1]]);
    const lines = await firstLines({ ...RUNNING, counters });
    expect(lines).to.include(
      'flowsieve_rejects_total{format="a\\"b\\\\c\\n# TYPE evil",reason="x"} 1',
    );
  });

  it('leave out counters that are none of theirs, and numbers that are none', async () => {
    const counters = new Map([
      ['rows', 1],
      ['__proto__', 1],
      ['records', 1],
      ['records/nan', NaN],
      ['records/less', -1],
      ['records/__proto__', 2],
      ['rejects/whole', 3],
    ]);
    const lines = await firstLines({ ...RUNNING, counters });
    expect(lines.filter((line) => /_(records|rejects)_/.test(line))).to.deep.equal([
      'flowsieve_records_total{format="__proto__"} 2',
      'flowsieve_rejects_total{format="whole",reason=""} 3',
    ]);
  });

  it('have at most 1,000 label sets and `other`; those that came first stay', async () => {
    const metrics = new JobMetrics(undefined);
    const first = new Map([['rejects/csv/first', 1]]);
    await metrics.text({ ...RUNNING, counters: first }, NOW_MS);
    const many = new Map(
      Array.from({ length: 5000 }, (_, i): [string, number] => [`rejects/f${i}/r`, 1]),
    );
    const counters = new Map([...many, ['rejects/csv/first', 2]]);
    const lines = await linesOf(metrics, { ...RUNNING, counters });
    const rejects = lines.filter((line) => line.startsWith('flowsieve_rejects_total'));
    expect(rejects).to.have.length(1001);
    expect(rejects).to.include('flowsieve_rejects_total{format="csv",reason="first"} 2');
    expect(rejects).to.include('flowsieve_rejects_total{format="other",reason="other"} 4001');
  });
});

describe('bounded labels', () => {
  it('cut long values', () => {
    expect(new BoundedLabels(1).admit(['x'.repeat(1000)])[0]).to.have.length(200);
  });
});
