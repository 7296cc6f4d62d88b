/**
 * `npm run test:engines`: installs the engines, then runs their tests in a network namespace that has
 * nothing but a loopback, because engines listen on all interfaces. Where none may be made, on the
 * machine's own loopback.
 */
import { spawnSync } from 'node:child_process';
import { ENGINES } from './engines.js';

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

for (const engine of ENGINES) {
  try {
    say(`installing ${engine.name}, unless it is there`);
    await engine.install();
  } catch (error) {
    say(`${engine.name} cannot be installed: ${(error as Error).message}`);
  }
}
const mocha = ['npx', 'mocha', '--config', '.mocharc.engines.json', ...process.argv.slice(2)];
const alone = ['-n', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];
const permitted = spawnSync('unshare', [...alone, 'true']).status === 0;
if (!permitted) say('no network namespace can be made here: the engines run on the loopback');
const [program, ...args] = permitted ? ['unshare', ...alone, ...mocha] : mocha;
process.exitCode = spawnSync(program, args, { stdio: 'inherit' }).status ?? 1;
