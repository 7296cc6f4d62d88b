import { once } from 'node:events';
import { EXIT } from '../exit-code.js';
import { printError, printLine } from '../messages.js';
import { runWorker } from '../worker/run-worker.js';

/** Flags as engines spell them. */
export interface WorkerFlags {
  readonly id?: string;
  readonly provision_endpoint?: string;
  readonly control_endpoint?: string;
  readonly logging_endpoint?: string;
  readonly module: readonly string[];
  /** HOST:PORT. */
  readonly pool?: string;
}

/**
 * `flowsieve worker`: what portable engines start, or with `--pool` what starts it for them. Ends the
 * process, whatever still runs in it.
 */
export async function workerCommand(flags: WorkerFlags): Promise<never> {
  const { id, pool, provision_endpoint, control_endpoint, logging_endpoint } = flags;
  if (pool !== undefined) process.exit(await runPool(pool));
  if (id === undefined) {
    printError('expected --id, as engines give it, or --pool HOST:PORT');
    process.exit(EXIT.configuration);
  }
  const code = await runWorker({
    id,
    modules: flags.module,
    ...(provision_endpoint === undefined ? {} : { provisionEndpoint: provision_endpoint }),
    ...(control_endpoint === undefined ? {} : { controlEndpoint: control_endpoint }),
    ...(logging_endpoint === undefined ? {} : { loggingEndpoint: logging_endpoint }),
  });
  process.exit(code);
}

/** Starts workers for the `external` environment of engines until it is told to stop. */
async function runPool(address: string): Promise<number> {
  const { WorkerPool } = await import('../portable/worker-pool.js');
  const { makeWorkerScript } = await import('../portable/worker-script.js');
  const stopped = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  const script = await makeWorkerScript();
  try {
    const pool = await WorkerPool.listen(address, script.command);
    printLine(`starts workers for engines that ask at ${pool.endpoint}`);
    await stopped;
    await pool.close();
    return EXIT.ran;
  } finally {
    await script.remove();
  }
}
