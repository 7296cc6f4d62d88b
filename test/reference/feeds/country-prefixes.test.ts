import { expect } from 'chai';
import { countryOfPath, countryPrefixes } from '../../../reference/feeds/country-prefixes.js';
import { entryText, readFeed } from './read-feed.js';

const paths = [
  ['ir.txt', 'IR'],
  ['IR.zone', 'IR'],
  ['ir-ipv4.txt', 'IR'],
  ['ir.txt.gz', 'IR'],
  ['country/ir/ipv4-aggregated.txt', 'IR'],
  ['ir/aggregated.json', undefined],
  ['country/README.txt', undefined],
  ['README.md', undefined],
] as const;

describe('country-prefixes', () => {
  for (const [path, country] of paths) {
    it(`${path} is of ${country ?? 'no country'}`, () => {
      expect(countryOfPath(path)).to.equal(country);
      expect(countryPrefixes.takes?.(path)).to.equal(country !== undefined);
    });
  }

  it('gives each prefix the country of its file', async () => {
    const text = '# Country: Andorra (AD)\n203.0.113.0/24\n2001:db8::/32\nx y\n';
    const options = { kind: 'countries', path: 'ad/all.txt' } as const;
    const { entries, rejected } = await readFeed(
      countryPrefixes,
      text,
      options,
      (entry) => `${entry.country} ${entryText(entry)}`,
    );
    expect(entries).to.deep.equal(['AD 203.0.113.0/24', 'AD 2001:db8::/32']);
    expect(rejected).to.deep.equal({ 'bad-address': 1 });
  });
});
