import { expect } from 'chai';
import {
  referenceUpdateCommand,
  updateConfigured,
} from '../../launch/commands/reference-update.js';
import { ConfigurationError } from '../../launch/config/configuration-error.js';
import { renderOutcomes } from '../../launch/feed-table.js';
import { latestVersion } from '../../reference/manifest.js';
import type { FeedOutcome } from '../../reference/update/update-feed.js';
import { TemporaryFiles } from '../launch/temporary-files.js';
import { FeedServer } from './feed-server.js';

const NOW = Date.parse('2026-01-31T12:00:00Z');

/** What a command writes while it runs. */
async function written(run: () => Promise<number>): Promise<{
  readonly code: number;
  readonly out: string;
  readonly err: string;
}> {
  const texts = { out: '', err: '' };
  const streams = [
    ['out', process.stdout],
    ['err', process.stderr],
  ] as const;
  const before = streams.map(([, stream]) => stream.write.bind(stream));
  for (const [name, stream] of streams) {
    stream.write = (text: string | Uint8Array): boolean => {
      texts[name] += String(text);
      return true;
    };
  }
  try {
    const code = await run();
    return { code, ...texts };
  } finally {
    streams.forEach(([, stream], i) => (stream.write = before[i]));
  }
}

describe('flowsieve reference update', () => {
  const files = new TemporaryFiles();
  const server = new FeedServer();

  function configuration(feeds: string): string {
    return files.write(
      'flowsieve.yaml',
      `customers: customers.csv\nfilters: { known-bad-remote: {} }\nreference:\n  feeds: ${feeds}\n`,
    );
  }

  beforeEach(() => {
    files.write('customers.csv', 'customer,cidr\nacme,192.0.2.0/24\n');
    files.write('c2.txt', '203.0.113.7\n203.0.113.8\n');
  });

  const C2 = '[{ name: c2, kind: tags, category: c2, format: address-list, uri: c2.txt }]';

  it('publishes, and tells what became of the feeds', async () => {
    const file = configuration(C2);
    const { code, out, err } = await written(() => referenceUpdateCommand(file, { confirm: [] }));
    expect(code, err).to.equal(0);
    const version = await latestVersion(files.path('snapshot'));
    expect(out).to.equal(`${version}\n`);
    expect(err.replaceAll(/ +/g, ' ').split('\n').slice(0, 2)).to.deep.equal([
      'feed status age before entries why',
      'c2 updated 0s - 2',
    ]);
    files.write('c2.txt', 'oops\n');
    const failed = await written(() => referenceUpdateCommand(file, { confirm: [] }));
    expect(failed.code, 'published, but a feed failed').to.equal(1);
    expect(failed.out).to.equal(`${version}\n`);
  });

  it('ends with 2 where the configuration or --confirm is wrong', async () => {
    const file = configuration(C2);
    const { code, err } = await written(() => referenceUpdateCommand(file, { confirm: ['c3'] }));
    expect(code).to.equal(2);
    expect(err).to.include('--confirm: expected the name of a configured feed, got "c3"');
    configuration('[{ name: c2 }]');
    const wrong = await written(() => referenceUpdateCommand(file, { confirm: [] }));
    expect(wrong.code).to.equal(2);
  });

  it('publishes nothing with a customer whose network cannot be read', async () => {
    const file = configuration(C2);
    await written(() => referenceUpdateCommand(file, { confirm: [] }));
    const version = await latestVersion(files.path('snapshot'));
    files.write('customers.csv', 'customer,cidr\nacme,192.0.2.0/24\nbeta,192.0.2.300/24\n');
    let thrown: unknown;
    await written(() =>
      referenceUpdateCommand(file, { confirm: [] }).catch((error: unknown) => {
        thrown = error;
        return -1;
      }),
    );
    expect(thrown).to.be.instanceOf(ConfigurationError);
    expect(await latestVersion(files.path('snapshot'))).to.equal(version);
  });

  it('publishes nothing while a feed was never read', async () => {
    const uri = server.url('/none.txt');
    const feed = { name: 'web', kind: 'routed', format: 'address-list', uri } as const;
    const customers = { uri: 'customers.csv' };
    const spec = { feeds: [feed], customers, baseDir: files.directory };
    const { code, out, err } = await written(() =>
      updateConfigured({ spec, snapshot: files.path('snapshot') }, { nowMs: NOW }),
    );
    expect(code).to.equal(1);
    expect(out).to.equal('');
    expect(err).to.include(`${uri}: answered 404`);
    expect(err).to.include('nothing was published: web could not be read yet');
  });

  it('shows ages of what is used', () => {
    const outcome: FeedOutcome = {
      name: 'c2',
      status: 'failed',
      checkedMs: NOW,
      entriesBefore: 1234,
      entriesAfter: 1234,
      problem: 'bad \u001b[2J',
    };
    const ages = [0, 119_000, 120_000, 7_199_000, 7_200_000, 172_800_000, 1e9].map((ms) => {
      const [, row] = renderOutcomes([outcome], { table: false, nowMs: NOW + ms }).split('\n');
      return row.split(/ +/)[2];
    });
    expect(ages).to.deep.equal(['0s', '119s', '2m', '119m', '2h', '2d', '11d']);
    const shown = renderOutcomes([outcome], { table: false, nowMs: NOW }).split('\n');
    expect(shown[1]).to.equal('c2    failed   0s   1,234    1,234  bad \\u001b[2J');
  });
});
