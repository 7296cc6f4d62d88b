import { expect } from 'chai';
import { accuses } from '../../reference/categories.js';
import { everyMs, feedSpecSchema, feedSpecsSchema } from '../../reference/spec.js';

const good = { name: 'my-c2', kind: 'tags', category: 'c2', format: 'address-list', uri: 'c2.txt' };

describe('reference spec', () => {
  const valid = [
    good,
    { name: 'geo', kind: 'countries', format: 'country-prefixes', uri: 'country/' },
    {
      name: 'scan',
      kind: 'inventory',
      format: 'csv',
      uri: 'inventory.csv',
      columns: { address: 'ip' },
    },
    { name: 'routed', kind: 'routed', format: 'address-list', uri: 'routed.txt' },
    { name: 'coverage', kind: 'coverage', format: 'csv', uri: 'scanned.csv' },
    { name: 'mixed', kind: 'tags', format: 'csv', uri: 'm.csv', columns: { category: 'type' } },
    { ...good, name: 'web', uri: 'https://feeds.example/c2.txt', every: '1h', maxBytes: 1000 },
    { ...good, name: 'bucket', uri: 'gs://my-feeds/lists/c2.txt', every: '366d' },
  ];
  for (const feed of valid) {
    it(`accepts ${feed.name}`, () => {
      expect(feedSpecSchema.safeParse(feed).success).to.equal(true);
    });
  }

  const invalid = [
    [{ ...good, extra: 1 }, 'Unrecognized key: "extra"'],
    [{ ...good, category: undefined }, 'expected a category for a feed of kind "tags", got none'],
    [{ ...good, kind: 'routed' }, 'a feed of kind "routed" has no category, got "c2"'],
    [
      { ...good, format: 'stix' },
      'expected one of address-list, country-prefixes, csv, ndjson, got "stix"',
    ],
    [
      { ...good, format: 'country-prefixes' },
      'format "country-prefixes" serves feeds of countries, not of "tags"',
    ],
    [{ ...good, uri: '' }, 'expected a file, folder or glob, got ""'],
    [
      { ...good, uri: 'ftp://feeds.example/x' },
      'expected a path, an http:// or https:// URL or gs',
    ],
    [{ ...good, uri: 'gs://my-feeds' }, 'expected a path, an http:// or https:// URL or gs'],
    [{ ...good, uri: 'https://' }, 'expected a path, an http:// or https:// URL or gs'],
    [{ ...good, every: '1h' }, 'is of feeds with a URL; the files of "c2.txt" are looked at'],
    [
      { ...good, uri: 'http://feeds.example/', every: '30s' },
      'expected a duration from 1m to 366d',
    ],
    [
      { ...good, uri: 'http://feeds.example/', every: '1 h' },
      'expected a duration from 1m to 366d',
    ],
    [{ ...good, uri: 'http://feeds.example/', maxBytes: 0.5 }, 'expected a whole number of bytes'],
    [{ ...good, name: 'a b' }, 'expected a feed name of letters'],
  ] as const;
  for (const [feed, message] of invalid) {
    it(message, () => {
      const { error } = feedSpecSchema.safeParse(feed);
      expect(error?.issues.map((issue) => issue.message).join('\n')).to.include(message);
    });
  }

  it('knows how often a feed is due', () => {
    const web = feedSpecSchema.parse({ ...good, uri: 'http://feeds.example/' });
    expect(everyMs(web)).to.equal(86_400_000);
    expect(everyMs({ ...web, every: '90s' })).to.equal(90_000);
  });

  it('wants distinct names and one feed of countries', () => {
    const geo = { name: 'geo', kind: 'countries', format: 'country-prefixes', uri: 'a/' };
    const { error } = feedSpecsSchema.safeParse([good, good, geo, { ...geo, name: 'geo2' }]);
    expect(error?.issues.map((issue) => issue.message)).to.deep.equal([
      '"my-c2" is there twice',
      'expected one feed of countries, got "geo" and "geo2"',
    ]);
  });

  it('knows which categories accuse', () => {
    const categories = ['c2', 'malware', 'tor', 'shared', 'honeypot', 'policy-games', 'vendor-x'];
    expect(categories.filter(accuses)).to.deep.equal(['c2', 'malware', 'tor']);
  });
});
