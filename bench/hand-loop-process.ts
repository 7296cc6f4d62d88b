import { join } from 'node:path';
import { readManifest } from '../reference/snapshot.js';
import { handLoop, openReference } from './hand-loop.js';

/** One measured run of the hand loop in a process of its own: `DIRECTORY FILE...`; prints a line of JSON. */
const [directory, ...files] = process.argv.slice(2);
const snapshot = join(directory, 'snapshot');
const { version } = await readManifest(snapshot);
const began = performance.now();
const reference = openReference(snapshot, version);
const openSeconds = (performance.now() - began) / 1000;
const result = handLoop(files, reference);
process.stdout.write(
  `${JSON.stringify({ ...result, openSeconds, peakRssBytes: process.resourceUsage().maxRSS * 1024 })}\n`,
);
