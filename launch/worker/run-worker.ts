import '../../beam/prepare.js';
import { pathToFileURL } from 'node:url';
import { isAbsolute } from 'node:path';
import '../../pipeline/pipeline.js';
import { WorkerLog } from '../../beam/worker/logging.js';
import { askProvision } from '../../beam/worker/provision.js';
import { PortableWorker } from '../../beam/worker/worker.js';
import { runSiblings } from './siblings.js';
import { tellStatus } from './worker-status.js';

/** A worker's command line. Engines give an id and where to ask for the rest, or all of it. */
export interface WorkerArguments {
  readonly id: string;
  /** HOST:PORT, each. */
  readonly provisionEndpoint?: string;
  readonly controlEndpoint?: string;
  readonly loggingEndpoint?: string;
  /** Modules that register what the graph names, beside flowsieve's own: paths, URLs or packages. */
  readonly modules: readonly string[];
}

interface Told {
  readonly controlEndpoint: string;
  readonly loggingEndpoint: string | undefined;
  readonly modules: readonly string[];
  readonly siblingWorkerIds: readonly string[];
}

/**
 * Runs a worker of a portable engine until the engine ends it (SIGTERM too), and gives the exit
 * code: 0, or 1 where it cannot start, or loses the engine while it works.
 */
export async function runWorker(args: WorkerArguments): Promise<number> {
  // Prism puts the id between quotes that nobody takes off.
  const id = args.id.replace(/^'(.*)'$/, '$1');
  const log = new WorkerLog(`worker ${id}`);
  const stopped = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => stopped.abort());
  }
  // A sibling's parent has gone.
  process.once('disconnect', () => stopped.abort());
  process.once(
    'uncaughtException',
    (error) => void fail(log, error).then((code) => process.exit(code)),
  );
  try {
    const told = await ask(args, id);
    if (told.siblingWorkerIds.length > 0) {
      return await runSiblings(
        [id, ...told.siblingWorkerIds],
        (sibling) => argumentsOf(sibling, told),
        stopped.signal,
      );
    }
    if (told.loggingEndpoint !== undefined) log.connect(told.loggingEndpoint, id);
    log.captureConsole();
    for (const module of told.modules) await importModule(module);
    const worker = new PortableWorker({
      id,
      controlEndpoint: told.controlEndpoint,
      onBundleFailed: (error) => log.write('error', textOf(error)),
    });
    await worker.connected();
    stopped.signal.addEventListener('abort', () => worker.stop());
    if (stopped.signal.aborted) worker.stop();
    tellStatus('connected');
    log.write('info', `worker ${id} has started (process ${process.pid}, node ${process.version})`);
    await worker.wait();
    log.write('info', `worker ${id} ends`);
    await log.close();
    tellStatus('ended');
    return 0;
  } catch (error) {
    return fail(log, error);
  }
}

async function fail(log: WorkerLog, error: unknown): Promise<number> {
  tellStatus('failed', error instanceof Error ? error.message : String(error));
  log.write('critical', textOf(error));
  process.stderr.write(`flowsieve worker: ${textOf(error)}\n`);
  await log.close();
  return 1;
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

async function ask(args: WorkerArguments, id: string): Promise<Told> {
  const { controlEndpoint, loggingEndpoint, provisionEndpoint, modules } = args;
  if (controlEndpoint !== undefined) {
    return { controlEndpoint, loggingEndpoint, modules, siblingWorkerIds: [] };
  }
  if (provisionEndpoint === undefined) {
    throw new Error('neither --provision_endpoint nor --control_endpoint is given');
  }
  const provision = await askProvision(provisionEndpoint, id);
  if (provision.controlEndpoint === undefined)
    throw new Error('the engine has no control endpoint');
  return {
    controlEndpoint: provision.controlEndpoint,
    loggingEndpoint: provision.loggingEndpoint,
    modules: [...modules, ...modulesIn(provision.options)],
    siblingWorkerIds: provision.siblingWorkerIds,
  };
}

/** `registered_node_modules` of the pipeline's options. */
function modulesIn(options: Readonly<Record<string, unknown>>): string[] {
  const names = options['registered_node_modules'];
  return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
}

function argumentsOf(id: string, told: Told): string[] {
  return [
    'worker',
    `--id=${id}`,
    `--control_endpoint=${told.controlEndpoint}`,
    ...(told.loggingEndpoint === undefined ? [] : [`--logging_endpoint=${told.loggingEndpoint}`]),
    ...told.modules.map((module) => `--module=${module}`),
  ];
}

async function importModule(name: string): Promise<void> {
  const url = isAbsolute(name) ? pathToFileURL(name).href : name;
  try {
    await import(url);
  } catch (cause) {
    throw new Error(`the module ${name}, which registers steps of the graph, cannot be loaded`, {
      cause,
    });
  }
}
