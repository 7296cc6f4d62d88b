import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect } from 'chai';
import type { Context } from 'mocha';
import { stringify } from 'yaml';
import { evaluateCommand } from '../../launch/commands/evaluate.js';
import { referenceBuildCommand } from '../../launch/commands/reference.js';
import { TemporaryFiles } from '../launch/temporary-files.js';
import { sharedData } from '../shared-data.js';
import { withCaughtOutput } from './caught-output.js';

const TORII = 'truth/iot23/CTU-IoT-Malware-Capture-20-1conn.log.labeled.csv';
const TROJAN = 'truth/iot23/CTU-IoT-Malware-Capture-42-1conn.log.labeled.csv';
const BOTNET = 'flows/zeek/idps/CTU-Malware-Capture-Botnet-4/ground_truth/conn.log.labeled';

/** Networks of the infected hosts. */
const CUSTOMERS =
  'customer,cidr\ntorii,192.168.100.0/24\ntrojan,192.168.1.0/24\nbotnet,10.0.2.0/24\n';

/** What an evaluation writes, as far as it is looked at here. */
interface Judged {
  readonly filters: readonly {
    readonly filter: string;
    readonly true: number;
    readonly false: number;
  }[];
  readonly details: readonly {
    readonly detail: string;
    readonly labelled: number;
    readonly found: number;
  }[];
}

interface Feed {
  readonly name: string;
  readonly category: string;
  readonly uri: string;
}

/** Endpoints that a table of IoT-23 labels C&C, as a list of `ip:port`. */
function c2Of(table: string): string {
  const rows = readFileSync(table, 'utf8').trim().split('\n').slice(1);
  const endpoints = rows
    .map((row) => row.split('|'))
    .filter((fields) => /^Malicious.*C&C/.test(fields.at(-2) ?? ''))
    .map((fields) => `${fields[4]}:${fields[5]}`);
  return `${[...new Set(endpoints)].join('\n')}\n`;
}

function publicFeeds(test: Context): Feed[] {
  const threat = (path: string): string => resolve(sharedData(test, `threat/${path}`));
  const shared = resolve(sharedData(test, 'shared-infrastructure/lord-alfred-ipranges/all'));
  return [
    { name: 'maltrail', category: 'malware', uri: threat('maltrail/malware') },
    { name: 'ipsum', category: 'threat', uri: threat('ipsum/ipsum.txt') },
    { name: 'c2-tracker', category: 'c2', uri: threat('c2-tracker/all.txt') },
    { name: 'clouds', category: 'shared', uri: shared },
  ];
}

describe('labelled captures', function () {
  // 600,000 entries of the public lists are compiled.
  this.timeout(300_000);
  const files = new TemporaryFiles();

  async function judge(test: Context, capture: string, feeds: readonly Feed[]): Promise<Judged> {
    const log = resolve(sharedData(test, capture));
    files.write('customers.csv', CUSTOMERS);
    const config = files.write(
      'flowsieve.yaml',
      stringify({
        customers: 'customers.csv',
        inputs: [{ uri: log, format: 'zeek' }],
        reference: {
          feeds: feeds.map((feed) => ({ ...feed, kind: 'tags', format: 'address-list' })),
        },
      }),
    );
    const json = files.path('judged.json');
    const options = { seed: 1, flows: 0, rates: [1], labels: log, json };
    const { result } = await withCaughtOutput(async () => {
      // Once for all captures of a test; an evaluation keeps nothing.
      if (!existsSync(files.path('snapshot'))) await referenceBuildCommand(config);
      return evaluateCommand([config], { ...options, labelFormat: 'zeek' });
    });
    expect(result).to.equal(0);
    return (JSON.parse(readFileSync(json, 'utf8')) as { points: readonly [Judged] }).points[0];
  }

  function listOf(test: Context, path: string): Feed {
    const list = files.write('c2.txt', c2Of(sharedData(test, path)));
    return { name: 'labelled-c2', category: 'c2', uri: list };
  }

  function known({ filters }: Judged): { readonly true: number; readonly false: number } {
    const row = filters.find(({ filter }) => filter === 'known-bad-remote');
    return { true: row?.true ?? 0, false: row?.false ?? 0 };
  }

  const found = (judged: Judged): Record<string, string> =>
    Object.fromEntries(
      judged.details.map((row) => [row.detail, `${row.found} of ${row.labelled}`]),
    );

  it("finds a capture's C&C by its own labels: on both days, and nothing else", async function () {
    const torii = await judge(this, TORII, [listOf(this, TORII)]);
    expect(known(torii)).to.deep.equal({ true: 2, false: 0 });
    expect(found(torii)).to.deep.equal({ 'C&C-Torii': '1 of 1' });
    const trojan = await judge(this, TROJAN, [listOf(this, TROJAN)]);
    expect(known(trojan)).to.deep.equal({ true: 1, false: 0 });
    expect(found(trojan)).to.deep.equal({ 'C&C-FileDownload': '1 of 1', FileDownload: '0 of 1' });
  });

  it("finds nothing by another family's C&C", async function () {
    const torii = await judge(this, TORII, [listOf(this, TROJAN)]);
    expect(known(torii)).to.deep.equal({ true: 0, false: 0 });
    expect(found(torii)).to.deep.equal({ 'C&C-Torii': '0 of 1' });
    const trojan = await judge(this, TROJAN, [listOf(this, TORII)]);
    expect(known(trojan)).to.deep.equal({ true: 0, false: 0 });
    expect(found(trojan)).to.deep.equal({ 'C&C-FileDownload': '0 of 1', FileDownload: '0 of 1' });
  });

  it('finds nothing by public lists of later years, and nothing false', async function () {
    const feeds = publicFeeds(this);
    for (const capture of [TORII, TROJAN, BOTNET]) {
      const judged = await judge(this, capture, feeds);
      expect(known(judged), capture).to.deep.equal({ true: 0, false: 0 });
    }
  });

  it('reads a capture of relative times, whose malice is attempts and UDP', async function () {
    const judged = await judge(this, BOTNET, [listOf(this, TORII)]);
    expect(known(judged)).to.deep.equal({ true: 0, false: 0 });
    expect(judged.details.map(({ detail, labelled }) => [detail, labelled])).to.deep.equal([
      ['Malicious', 1831],
    ]);
  });
});
