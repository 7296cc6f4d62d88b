/** Fetches what the engine tests run, before they run without a network. */
import { jarsOf, pomOf } from './java-jars.js';

for (const engine of ['flink', 'kafka'] as const) {
  process.stdout.write(`jars of ${engine}: ${await jarsOf(pomOf(engine))}\n`);
}
