import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { addressOf } from '../../pipeline/address.js';
import { compileSnapshot } from '../../reference/compile.js';
import { openSnapshot } from '../../reference/snapshot.js';
import { sharedData } from '../shared-data.js';

/** Lines that are one address, prefix or endpoint and no more, as a plain regular expression sees them. */
const PLAIN = /^(\d{1,3}\.){3}\d{1,3}(:\d{1,5}|\/\d{1,2})?$/;

function plausible(line: string): boolean {
  if (/^\[[0-9a-f:]+\]:\d{1,5}$/.test(line)) return true;
  if (!PLAIN.test(line)) return false;
  const [address, port] = line.split(':');
  const octets = address.split('/')[0].split('.').map(Number);
  return (
    octets.every((octet) => octet <= 255) &&
    (!line.includes(':') || (Number(port) > 0 && Number(port) <= 65535))
  );
}

describe('real feeds', () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'flowsieve-'));
    await writeFile(join(folder, 'customers.csv'), 'customer,cidr\nacme,192.0.2.0/24\n');
  });

  after(async () => {
    await rm(folder, { recursive: true });
  });

  it('compile whole, and count what a plain loop over their lines counts', async function () {
    this.timeout(300_000);
    const maltrail = resolve(sharedData(this, 'threat/maltrail/malware'));
    const ipsum = resolve(sharedData(this, 'threat/ipsum/ipsum.txt'));
    const clouds = resolve(sharedData(this, 'shared-infrastructure/lord-alfred-ipranges/all'));
    const country = resolve(sharedData(this, 'geo/ipverse-rir-ip/country'));
    const start = performance.now();
    const manifest = await compileSnapshot(
      {
        baseDir: folder,
        customers: { uri: 'customers.csv' },
        feeds: [
          {
            name: 'maltrail',
            kind: 'tags',
            category: 'malware',
            format: 'address-list',
            uri: maltrail,
          },
          {
            name: 'ipsum',
            kind: 'tags',
            category: 'reputation',
            format: 'address-list',
            uri: ipsum,
          },
          { name: 'clouds', kind: 'tags', category: 'shared', format: 'address-list', uri: clouds },
          { name: 'geo', kind: 'countries', format: 'country-prefixes', uri: country },
        ],
      },
      join(folder, 'snapshot'),
    );
    const seconds = (performance.now() - start) / 1000;
    // 590,000 entries of 3,400 files took 5 s on one of two shared cores.
    expect(seconds).to.be.below(60);

    let plain = 0;
    let lines = 0;
    for (const name of await readdir(maltrail)) {
      for (const raw of (await readFile(join(maltrail, name), 'utf8')).split('\n')) {
        const line = raw.replace(/\s+#.*$/, '').trim();
        if (line === '' || /^(?:#|;|\/\/)/.test(line)) continue;
        lines++;
        if (plausible(line)) plain++;
      }
    }
    const report = (wanted: string): (typeof manifest.feeds)[number] | undefined =>
      manifest.feeds.find(({ name }) => name === wanted);
    const heldBack = Object.values(report('maltrail')?.heldBack ?? {}).reduce((a, b) => a + b, 0);
    expect(report('maltrail')?.read).to.equal(lines);
    expect((report('maltrail')?.kept ?? 0) + heldBack).to.equal(plain);

    const ipsumLines = (await readFile(ipsum, 'utf8')).split('\n').filter((l) => /^\d/.test(l));
    expect(report('ipsum')?.kept).to.equal(ipsumLines.length);

    const { countries, tags } = openSnapshot({
      version: manifest.version,
      directory: join(folder, 'snapshot'),
    });
    const missing = ipsumLines.filter((line) => {
      const word = addressOf(line.split('\t')[0])?.words[0] ?? 0;
      return (tags.categoriesOf(tags.find4(word)) & tags.mask(['reputation'])) === 0;
    });
    expect(missing).to.deep.equal([]);

    let wrong = 0;
    for (const code of ['ir', 'kp', 'us', 'de']) {
      const text = await readFile(join(country, code, 'ipv4-aggregated.txt'), 'utf8');
      for (const line of text.split('\n')) {
        if (!/^\d/.test(line)) continue;
        const word = addressOf(line.split('/')[0])?.words[0] ?? 0;
        if (countries.codes[countries.find4(word)] !== code.toUpperCase()) wrong++;
      }
    }
    expect(wrong).to.equal(0);
    const shared = tags.mask(['shared']);
    for (const text of ['204.79.197.200', '185.199.110.133']) {
      const word = addressOf(text)?.words[0] ?? 0;
      expect(tags.categoriesOf(tags.find4(word)) & shared, text).not.to.equal(0);
    }
  });
});
