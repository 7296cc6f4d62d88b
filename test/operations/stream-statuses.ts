import type { StreamStatus } from '../../launch/operations/stream-status.js';

/** Now, in all tests: 2025-03-03T12:00:00Z. */
export const NOW_MS = Date.UTC(2025, 2, 3, 12);

/** A job that has seen something of everything. */
export const RUNNING: StreamStatus = {
  ready: true,
  problem: undefined,
  counters: new Map([
    ['rows', 1_300_000],
    ['records/csv', 1_000_000],
    ['records/netflow-v9', 200_000],
    ['rejects/csv/bad-time', 7],
    ['rejects/csv/file-truncated', 1],
    ['rejects/netflow-v9/future', 5],
    ['dropped/established/not-tcp', 40_000],
    ['dropped/drop-shared/clouds (acme)', 3],
    ['dropped/drop-shared/clouds (example)', 4],
    ['dropped/late/dedupe', 9],
    ['dropped/udp/queue-full', 11],
    ['lost/udp/sequence', 13],
    ['evicted/udp/templates', 2],
    ['pubsub/messages', 500],
    ['withdrawals/files/anonymizer', 1],
    ['reference/delivered', 1],
    ['suppressions/delivered', 1],
    ['conversations/strong', 8000],
    ['conversations/medium', 2000],
    ['findings/known-bad-remote', 4],
    ['findings/anonymizer', 1],
  ]),
  sources: [
    {
      name: 'netflow://127.0.0.1:2055',
      watermarkMs: NOW_MS - 31_000,
      exporters: 2,
      waitingElements: 3,
      waitingBytes: 4500,
    },
    {
      name: 'incoming/*.csv',
      watermarkMs: null,
      exporters: 0,
      waitingElements: 0,
      waitingBytes: 0,
    },
  ],
  state: { bytes: 3_200_000, groups: 8, commits: 1234 },
  references: [
    { version: '20250303-a1b2', feeds: [{ name: 'my-c2', fetchedMs: NOW_MS - 3_600_000 }] },
  ],
};
