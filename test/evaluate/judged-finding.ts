import type { JudgedFinding } from '../../launch/evaluate/read-findings.js';

/** A finding of known-bad-remote, or as `change` says. */
export function judgedFinding(change: Partial<JudgedFinding> = {}): JudgedFinding {
  return {
    id: '00000000-0000-5000-8000-000000000001',
    revision: 1,
    filter: 'known-bad-remote',
    severity: 'high',
    confidence: 'high',
    summary: '192.0.2.1 connected to 203.0.113.7.',
    customer: 'acme',
    subject: '192.0.2.1',
    customerAddress: '192.0.2.1',
    remoteAddress: '203.0.113.7',
    service: '443/tcp',
    indicator: '203.0.113.7',
    windowStart: '2025-03-03T00:00:00.000Z',
    ...change,
  };
}
