import { expect } from 'chai';
import { renderFeeds } from '../../launch/feed-table.js';
import type { FeedReport } from '../../reference/manifest.js';

const FEED: FeedReport = {
  name: 'my-c2',
  kind: 'tags',
  category: 'c2',
  format: 'address-list',
  uri: 'c2.txt',
  fetchedAt: '2026-01-31T00:00:00.000Z',
  sha256: 'a'.repeat(64),
  version: 'a'.repeat(16),
  files: 1,
  read: 1234,
  kept: 1228,
  notApplicable: 1,
  rejected: { 'bad-address': 2 },
  heldBack: { private: 3 },
  notes: { 'host-bits': 4 },
  samples: [{ file: 'c2.txt', line: 7, reason: 'bad-address', sample: 'x\u001b[2J' }],
  fingerprint: 'f',
};

describe('table of feeds', () => {
  it('says what became of every entry, and shows the first bad lines', () => {
    expect(renderFeeds([FEED], { table: false }).split('\n')).to.deep.equal([
      'feed   kind     version            read   kept  rejected  held back  why',
      'my-c2  tags c2  aaaaaaaaaaaaaaaa  1,234  1,228         2          3  2 bad-address, 3 private, 4 host-bits, 1 not-applicable',
      'my-c2: c2.txt:7: bad-address: x\\u001b[2J',
    ]);
  });

  it('is framed on a terminal', () => {
    expect(renderFeeds([FEED], { table: true })).to.include('┌');
  });
});
