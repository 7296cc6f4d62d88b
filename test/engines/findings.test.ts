import '../../beam/fn.js';
import { resolve } from 'node:path';
import { expect } from 'chai';
import { generateNetwork, WEEKLY_HISTORY } from '../../launch/generate/generate-network.js';
import { writeNetwork } from '../../launch/generate/write-network.js';
import type { RunOptions } from '../../launch/run-job.js';
import { JobDirectory, type Output } from '../end-to-end/job-directory.js';
import { sharedData } from '../shared-data.js';
import { ENGINES, opened } from './engines.js';
import { tell } from './matrix-table.js';

interface Case {
  readonly name: string;
  /** Makes flowsieve.yaml in the directory. */
  readonly prepare: (job: JobDirectory, test: Mocha.Context) => void;
}

/** Captures as exporters and monitors exported them: six formats, ten years, both families. */
const REAL = [
  'argus/slips/test2-malicious.binetflow',
  'derived/nfcapd-nfpcapd/test-cc-capture-1.nfcapd',
  'derived/nfcapd-nfpcapd/malicious-ssh-bruteforce.nfcapd',
  'nfdump/slips-test1-malicious.nfdump',
  'suricata/slips-test6-malicious.suricata.json',
  'zeek/slips/test9-mixed-zeek-dir/conn.log',
  'cloud/aws-vpc-v2.log',
];

const CASES: readonly Case[] = [
  {
    name: 'generated network',
    prepare(job): void {
      const network = generateNetwork({
        seed: 7,
        flows: 20_000,
        hours: 24,
        historyDays: WEEKLY_HISTORY,
      });
      writeNetwork(job.files.directory, network);
    },
  },
  {
    name: 'real captures',
    prepare(job, test): void {
      job.files.write(
        'customers.csv',
        'customer,cidr\nlan,10.0.0.0/8\nlan,192.168.0.0/16\nctu,147.32.80.0/24\n',
      );
      const octets = [13, 17, 52, 91, 104, 128, 131, 141, 185, 195, 212];
      job.files.write('listed.txt', octets.map((octet) => `${octet}.0.0.0/8\n`).join(''));
      const inputs = REAL.map((path) => ({ uri: resolve(sharedData(test, `flows/${path}`)) }));
      const listed = { kind: 'tags', category: 'c2', format: 'address-list', uri: 'listed.txt' };
      job.configure({
        customers: 'customers.csv',
        inputs,
        reference: { feeds: [{ name: 'listed', ...listed }], snapshot: 'snapshot/' },
        history: 'history/',
        output: 'out',
      });
    },
  },
];

describe('findings on all engines', () => {
  const job = new JobDirectory();

  for (const { name, prepare } of CASES) {
    it(name, async function () {
      prepare(job, this);
      const engines = ENGINES.map((installed) => opened(this, installed));
      const local = await job.run({ output: 'local' });
      told(name, 'local', local, true);
      expect(local.findings.length).to.be.greaterThan(5);

      const compare = async (on: string, options: Partial<RunOptions>): Promise<void> => {
        const output = await job.run({ output: on, ...options });
        told(name, on, output, output.texts.findings === local.texts.findings);
        expect(idsOf(output)).to.deep.equal(idsOf(local));
        expect(output.texts).to.deep.equal(local.texts);
      };
      await compare('direct', { runner: 'direct' });
      for (const engine of engines) {
        const endpoint = await engine.start();
        try {
          for (const kind of ['here', 'loopback'] as const) {
            const portable = { endpoint, workers: { kind }, jobName: 'conformance' };
            await compare(`${engine.name}, ${kind}`, {
              runner: 'portable',
              portable: { ...portable, ...engine.options },
            });
          }
        } finally {
          await engine.stop();
        }
      }
    });
  }
});

function idsOf({ findings }: Output): string[] {
  return findings.map(({ id }) => id);
}

function told(test: string, on: string, { summary, findings }: Output, same: boolean): void {
  const kept = summary.steps.map(({ step, kept: rows }) => `${step} ${rows}`).join(', ');
  const out = `${summary.conversations} conversations, ${findings.length} findings`;
  tell(test, on, { in: summary.records, kept, out }, same);
}
