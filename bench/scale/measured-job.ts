/** One measured run of the job in a process of its own: `CONFIG OUTPUT [weigh]`; prints a line of JSON. */
import '../../beam/operators.js';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../../launch/config/config.js';
import { jobSpec, prepareOutput, prepareReference } from '../../launch/job-spec.js';
import { LocalRunner } from '../../launch/local/local-runner.js';
import { buildPipeline } from '../../pipeline/pipeline.js';
import { openSnapshot } from '../../reference/snapshot.js';
import { WINDOW_FILES_FOLDER } from '../../transforms/write/window-files.js';
import { WeighedGroups, type Boundary } from './boundary.js';

/** What a measured process prints. */
export interface Measured {
  readonly flows: number;
  readonly conversations: number;
  /** Of the job, after its tables are open. */
  readonly seconds: number;
  /** User and system, all threads, of the same time. */
  readonly cpuSeconds: number;
  readonly peakRssBytes: number;
  /** Resident set with the tables open and nothing read. */
  readonly tablesRssBytes: number;
  /** The compiled snapshot on disk, which every worker fetches. */
  readonly snapshotBytes: number;
  /** Empty where nothing was weighed. */
  readonly boundaries: readonly Boundary[];
}

const [file, output, weigh] = process.argv.slice(2);
const loaded = await loadConfig(file, { output });
if (!loaded.ok) throw new Error(loaded.problems.map(({ message }) => message).join('; '));
const { config } = loaded;
await prepareOutput(config, WINDOW_FILES_FOLDER);
const reference = await prepareReference(config);
openSnapshot(reference);
const tablesRssBytes = process.memoryUsage.rss();

const weighed: WeighedGroups[] = [];
const runner = new LocalRunner({
  ...(weigh === 'weigh' && {
    newGroups: (grouping, plan): WeighedGroups => {
      const groups = new WeighedGroups(grouping, plan);
      weighed.push(groups);
      return groups;
    },
  }),
});
const began = performance.now();
const cpuBefore = process.cpuUsage();
const result = await runner.run((root) => {
  buildPipeline(root, jobSpec(config, reference));
});
const cpu = process.cpuUsage(cpuBefore);
const seconds = (performance.now() - began) / 1000;
const counters = Object.entries((await result.counters()) as Record<string, number>);
const measured: Measured = {
  flows: sum(counters, 'records/'),
  conversations: sum(counters, 'conversations/'),
  seconds,
  cpuSeconds: (cpu.user + cpu.system) / 1e6,
  peakRssBytes: process.resourceUsage().maxRSS * 1024,
  tablesRssBytes,
  snapshotBytes: bytesBelow(join(config.reference.snapshot, reference.version)),
  boundaries: weighed.map((groups) => groups.boundary()),
};
process.stdout.write(`${JSON.stringify(measured)}\n`);

function sum(entries: readonly (readonly [string, number])[], prefix: string): number {
  let total = 0;
  for (const [name, value] of entries) if (name.startsWith(prefix)) total += value;
  return total;
}

function bytesBelow(directory: string): number {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return names.reduce((total, name) => {
    const stat = statSync(join(directory, name));
    return total + (stat.isFile() ? stat.size : 0);
  }, 0);
}
