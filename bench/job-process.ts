import { loadConfig } from '../launch/config/config.js';
import { runJob } from '../launch/run-job.js';
import { openSnapshot, readManifest } from '../reference/snapshot.js';

/** One measured run of the whole job in a process of its own: `CONFIG OUTPUT DELIVERIES`; prints a line of JSON. */
const [file, output, deliveries = '1'] = process.argv.slice(2);
const loaded = await loadConfig(file, { output });
if (!loaded.ok) throw new Error(loaded.problems.map(({ message }) => message).join('; '));
// Each input as often as records are delivered: what is redelivered must cost time and no memory.
const inputs = Array.from({ length: Number(deliveries) }, () => loaded.config.inputs).flat();
const config = { ...loaded.config, inputs };
const began = performance.now();
const { snapshot: directory } = config.reference;
const { version } = await readManifest(directory);
// The job opens it too and then finds it open: so that its time stands apart, as the hand loop's.
openSnapshot({ directory, version });
const openSeconds = (performance.now() - began) / 1000;
const report = await runJob(config, { runner: 'local', nowMs: config.nowMs });
process.stdout.write(
  `${JSON.stringify({
    flows: report.rows,
    conversations: report.conversations,
    findings: Object.values(report.findings).reduce((sum, count) => sum + count, 0),
    seconds: report.seconds,
    openSeconds,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  })}\n`,
);
