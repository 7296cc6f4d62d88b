import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { parse, stringify } from 'yaml';
import { CONVERSATION_FILTERS, FILTERS, GROUP_FILTERS } from '../../filters/filters.js';
import { generateNetwork, WEEKLY_HISTORY } from '../../launch/generate/generate-network.js';
import { writeNetwork } from '../../launch/generate/write-network.js';
import type { RunOptions } from '../../launch/run-job.js';
import type { Finding } from '../../pipeline/finding.js';
import { JobDirectory, NOW, type Output } from './job-directory.js';

type Settings = Record<string, unknown>;

describe('filters that count', function () {
  this.timeout(300_000);
  const job = new JobDirectory();

  function change(edit: (settings: Settings) => Settings): void {
    const path = job.files.path('flowsieve.yaml');
    const settings = parse(readFileSync(path, 'utf8')) as Settings;
    writeFileSync(path, stringify(edit(settings)));
  }

  function disable(settings: Settings, ids: readonly string[]): Settings {
    const filters = settings['filters'] as Settings;
    return {
      ...settings,
      filters: { ...filters, ...Object.fromEntries(ids.map((id) => [id, { enabled: false }])) },
    };
  }

  describe('on a day without a past', () => {
    const network = generateNetwork({ seed: 11, flows: 20_000, hours: 24 });

    beforeEach(() => {
      writeNetwork(job.files.directory, network);
    });

    it('find the same in any number of shards, any bundles and on both runners', async () => {
      const first = await job.run();
      for (const { id } of GROUP_FILTERS) {
        expect(ofFilter(first, id).length, id).to.be.above(0);
      }
      for (const { evidence } of ofFilter(first, 'c2-candidate')) {
        const [association] = evidence.filter((entry) => entry.type === 'association');
        // Of the whole network's clients, not of a shard's.
        expect(association.allClients).to.be.above(200);
      }
      const variants: readonly (readonly [string, number, Partial<RunOptions>])[] = [
        ['1 shard', 1, {}],
        ['3 shards, bundles of one group', 3, { bundleGroups: 1 }],
        ['64 shards, small ranges', 64, { rangeBytes: 40_000 }],
        ['5 shards on the direct runner', 5, { runner: 'direct' }],
      ];
      for (const [name, shards, options] of variants) {
        change((settings) => ({ ...settings, shards }));
        const { texts } = await job.run(options);
        expect(texts.findings, name).to.equal(first.texts.findings);
        expect(texts.notices, name).to.equal(first.texts.notices);
      }
    });

    it('change no finding of another filter by being switched on, attempts or not', async () => {
      const all = await job.run();
      const takers = FILTERS.filter(({ attempts }) => attempts).map(({ id }) => id);
      expect(takers.length).to.be.above(0);
      for (const off of [takers, GROUP_FILTERS.map(({ id }) => id)]) {
        change((settings) => disable(settings, off));
        const { texts } = await job.run();
        const others = all.texts.findings
          .split('\n')
          .filter((line) => line === '' || !off.includes((JSON.parse(line) as Finding).filter));
        expect(texts.findings, off.join(', ')).to.equal(others.join('\n'));
        // Each case begins with all of them.
        writeNetwork(job.files.directory, network);
      }
    });

    it('find the same in a rerun over several days, though it finds what the first run left', async () => {
      const DAY_MS = 86_400_000;
      for (const name of readdirSync(job.files.path('flows'))) {
        const [header, ...lines] = readFileSync(job.files.path(`flows/${name}`), 'utf8').split(
          '\n',
        );
        const later = lines.map((line) => {
          const [start, end, ...rest] = line.split(',');
          return line === ''
            ? ''
            : [Number(start) + DAY_MS, Number(end) + DAY_MS, ...rest].join(',');
        });
        job.files.write(`flows/later-${name}`, [header, ...later].join('\n'));
      }
      const first = await job.run();
      expect(new Set(first.findings.map(({ windowStart }) => windowStart)).size).to.equal(2);
      expect(ofFilter(first, 'c2-candidate').length).to.be.above(0);
      expect(readdirSync(job.files.path('history'))).to.have.length(4);
      expect((await job.run()).texts).to.deep.equal(first.texts);
    });

    it('do not count conversations that an exception with a remote scope takes away', async () => {
      const all = await job.run();
      // Those that are left with some other targets have too few: 16 of 20.
      const reserved = ({ evidence }: Finding): boolean =>
        evidence.some((entry) => entry.type === 'targets' && entry.kind === 'reserved');
      expect(all.findings.filter(reserved).length).to.be.above(0);
      const file = job.files.path('suppressions.yaml');
      const entries = parse(readFileSync(file, 'utf8')) as readonly Settings[];
      const scope = { id: 'lab', filter: 'unpublicized-remote', remote: '240.0.0.0/4' };
      writeFileSync(file, stringify([...entries, { ...scope, reason: 'a lab', owner: 'us' }]));
      const { findings, summary } = await job.run();
      expect(findings).to.deep.equal(all.findings.filter((finding) => !reserved(finding)));
      expect(summary.taken['lab']).to.be.above(0);
      expect(summary.hidden['lab']).to.equal(undefined);
    });

    it('run alone, without one filter that judges single conversations', async () => {
      const all = await job.run();
      const single = CONVERSATION_FILTERS.map(({ id }) => id);
      // Policies of customers would switch theirs on again.
      change((settings) => ({ ...disable(settings, single), policies: {} }));
      const { findings } = await job.run();
      expect(findings).to.deep.equal(all.findings.filter(({ filter }) => !single.includes(filter)));
    });
  });

  describe('with a history', () => {
    beforeEach(async () => {
      const options = { seed: 12, flows: 20_000, hours: 24, historyDays: WEEKLY_HISTORY };
      writeNetwork(job.files.directory, generateNetwork(options));
      const judged = readFileSync(job.files.path('flowsieve.yaml'), 'utf8');
      job.files.write('flowsieve.yaml', readFileSync(job.files.path('history.yaml'), 'utf8'));
      await job.run({ output: 'history-out' });
      job.files.write('flowsieve.yaml', judged);
    });

    const days = (): string[] =>
      readdirSync(job.files.path('history'))
        .filter((name) => name.endsWith('.day'))
        .sort();

    it('find the same in a rerun, though the judged day is in the history by then', async () => {
      const first = await job.run();
      expect(ofFilter(first, 'volume-change').length).to.be.above(0);
      expect(days()).to.have.length(5);
      const files = days().map((name) => readFileSync(job.files.path(`history/${name}`)));
      expect((await job.run()).texts).to.deep.equal(first.texts);
      const again = days().map((name) => readFileSync(job.files.path(`history/${name}`)));
      expect(again).to.deep.equal(files);
    });

    it('find that a customer fell silent, of whom the day itself knows nothing', async () => {
      const elms = /,(198\.18\.(4[0-7]|61|63)\.|2001:db8:e:)/;
      for (const name of readdirSync(job.files.path('flows'))) {
        const lines = readFileSync(job.files.path(`flows/${name}`), 'utf8').split('\n');
        job.files.write(`flows/${name}`, lines.filter((line) => !elms.test(line)).join('\n'));
      }
      const silent = ofFilter(await job.run(), 'volume-change').filter(
        ({ customer }) => customer === 'elm',
      );
      expect(silent.length).to.be.above(0);
      for (const { indicator, conversations } of silent) {
        expect([indicator, conversations]).to.deep.equal(['fall', 0]);
      }
    });

    it('say what is wrong with a damaged history, and do not flood', async () => {
      const first = await job.run();
      for (const name of days().slice(0, 3)) {
        const path = job.files.path(`history/${name}`);
        const bytes = readFileSync(path);
        bytes[bytes.length >> 1] ^= 0xff;
        writeFileSync(path, bytes);
      }
      // In a process of its own: this one has read the days when they were sound.
      expect((await job.command('run', 'flowsieve.yaml', '--now', NOW)).code).to.equal(0);
      const damaged = job.output();
      expect(ofFilter(damaged, 'volume-change')).to.deep.equal([]);
      expect(damaged.findings.length).to.be.below(first.findings.length * 2);
      const kinds = noticesOf(damaged).map(({ kind }) => kind);
      expect(kinds.filter((kind) => kind === 'history-damaged')).to.have.length(3);
      expect(kinds).to.include('history-cold-start');
      expect(damaged.summary.notices.join('\n')).to.match(/remove it or run that day again/);
    });

    it('keep a whole day where a run sees only some late records of it', async () => {
      await job.run();
      const file = job.files.path('history/2025-03-03.day');
      const whole = readFileSync(file);
      const [name] = readdirSync(job.files.path('flows'));
      const lines = readFileSync(job.files.path(`flows/${name}`), 'utf8').split('\n');
      job.files.write('late.csv', `${lines.slice(0, 60).join('\n')}\n`);
      change((settings) => ({ ...settings, inputs: [{ uri: 'late.csv', format: 'csv' }] }));
      const late = await job.run({ output: 'late' });
      expect(readFileSync(file).equals(whole)).to.equal(true);
      expect(noticesOf(late).map(({ kind }) => kind)).to.include('history-kept');
    });

    it('begin anew without a history, or with none at all', async () => {
      rmSync(job.files.path('history'), { recursive: true });
      const cold = await job.run();
      expect(ofFilter(cold, 'volume-change')).to.deep.equal([]);
      expect(noticesOf(cold).map(({ kind }) => kind)).to.include('history-cold-start');
      change((settings) => ({ ...settings, history: false }));
      const none = await job.run();
      expect(ofFilter(none, 'volume-change')).to.deep.equal([]);
      expect(none.findings.map(({ id }) => id)).to.deep.equal(cold.findings.map(({ id }) => id));
    });
  });
});

function ofFilter({ findings }: Output, id: string): readonly Finding[] {
  return findings.filter(({ filter }) => filter === id);
}

function noticesOf({ texts }: Output): readonly { readonly kind: string }[] {
  return texts.notices
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { readonly kind: string });
}
