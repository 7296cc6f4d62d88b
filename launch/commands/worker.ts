import { runWorker } from '../worker/run-worker.js';

/** Flags as engines spell them. */
export interface WorkerFlags {
  readonly id: string;
  readonly provision_endpoint?: string;
  readonly control_endpoint?: string;
  readonly logging_endpoint?: string;
  readonly module: readonly string[];
}

/** `flowsieve worker`: what portable engines start. Ends the process, whatever still runs in it. */
export async function workerCommand(flags: WorkerFlags): Promise<never> {
  const { provision_endpoint, control_endpoint, logging_endpoint } = flags;
  const code = await runWorker({
    id: flags.id,
    modules: flags.module,
    ...(provision_endpoint === undefined ? {} : { provisionEndpoint: provision_endpoint }),
    ...(control_endpoint === undefined ? {} : { controlEndpoint: control_endpoint }),
    ...(logging_endpoint === undefined ? {} : { loggingEndpoint: logging_endpoint }),
  });
  process.exit(code);
}
