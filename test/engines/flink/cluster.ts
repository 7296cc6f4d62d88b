import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts } from '../loopback.js';
import { JavaProcess } from '../java-process.js';
import { flinkFlags } from './job-server.js';

interface Checkpoints {
  readonly counts: { readonly completed: number; readonly restored: number };
}

/** A standalone Flink cluster: a JobManager, and TaskManagers that a test may kill and replace. */
export class FlinkCluster {
  /** HOST:PORT of the JobManager's REST service, which a job server submits to. */
  readonly rest: string;
  readonly #jars: string;
  readonly #directory: string;
  readonly #jobManager: JavaProcess;
  readonly #taskManagers: JavaProcess[] = [];

  private constructor(rest: string, jars: string, directory: string, jobManager: JavaProcess) {
    this.rest = rest;
    this.#jars = jars;
    this.#directory = directory;
    this.#jobManager = jobManager;
  }

  /** Starts one with one TaskManager of four slots; all it keeps is in `directory`. */
  static async start(jars: string, directory: string): Promise<FlinkCluster> {
    const [rpc, rest] = await freePorts(2);
    await mkdir(directory, { recursive: true });
    const settings = {
      'jobmanager.rpc.address': '127.0.0.1',
      'jobmanager.rpc.port': rpc,
      'jobmanager.bind-host': '127.0.0.1',
      'rest.address': '127.0.0.1',
      'rest.bind-address': '127.0.0.1',
      'rest.port': rest,
      'taskmanager.host': '127.0.0.1',
      'taskmanager.bind-host': '127.0.0.1',
      'taskmanager.numberOfTaskSlots': 4,
      // What Flink's own shell scripts compute.
      'taskmanager.cpu.cores': 2,
      'taskmanager.memory.task.heap.size': '1g',
      'taskmanager.memory.task.off-heap.size': '128m',
      'taskmanager.memory.framework.heap.size': '128m',
      'taskmanager.memory.framework.off-heap.size': '128m',
      'taskmanager.memory.jvm-metaspace.size': '512m',
      'taskmanager.memory.jvm-overhead.min': '192m',
      'taskmanager.memory.jvm-overhead.max': '192m',
      'taskmanager.memory.network.min': '256m',
      'taskmanager.memory.network.max': '256m',
      'taskmanager.memory.managed.size': '128m',
      'io.tmp.dirs': directory,
      // The jars are on the class path, and the job server submits them too.
      'classloader.resolve-order': 'parent-first',
      'state.checkpoints.dir': `file://${join(directory, 'checkpoints')}`,
      'restart-strategy.type': 'fixed-delay',
      'restart-strategy.fixed-delay.attempts': 100,
      'restart-strategy.fixed-delay.delay': '1 s',
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name}: ${value}`);
    await writeFile(join(directory, 'flink-conf.yaml'), `${lines.join('\n')}\n`);
    const jobManager = await JavaProcess.start(
      [
        ...flinkFlags(jars, '1g'),
        'org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint',
        '--configDir',
        directory,
      ],
      { ready: /Rest endpoint listening/, logFile: join(directory, 'job-manager.log') },
    );
    const cluster = new FlinkCluster(`127.0.0.1:${rest}`, jars, directory, jobManager);
    await cluster.addTaskManager();
    return cluster;
  }

  async addTaskManager(): Promise<void> {
    const number = this.#taskManagers.length + 1;
    this.#taskManagers.push(
      await JavaProcess.start(
        [
          ...flinkFlags(this.#jars, '1500m'),
          'org.apache.flink.runtime.taskexecutor.TaskManagerRunner',
          '--configDir',
          this.#directory,
        ],
        {
          ready: /Successful registration at resource manager/,
          logFile: join(this.#directory, `task-manager-${number}.log`),
        },
      ),
    );
  }

  /** SIGKILL to all TaskManagers that run. Their Node workers end when they miss them. */
  async killTaskManagers(): Promise<void> {
    for (const taskManager of this.#taskManagers) await taskManager.stop();
  }

  /** Id of the job that runs; undefined where none does. */
  async runningJob(): Promise<string | undefined> {
    const { jobs } = await this.#get<{ jobs: { id: string; status: string }[] }>('/jobs');
    return jobs.find(({ status }) => status === 'RUNNING')?.id;
  }

  /** Of a job: checkpoints that were completed, and times that it was restored from one. */
  async checkpoints(job: string): Promise<Checkpoints['counts']> {
    return (await this.#get<Checkpoints>(`/jobs/${job}/checkpoints`)).counts;
  }

  /** Starts a savepoint that ends the job, and gives its path when it is there. */
  async stopWithSavepoint(job: string): Promise<string> {
    const target = `file://${join(this.#directory, 'savepoints')}`;
    const body = JSON.stringify({ 'target-directory': target, 'cancel-job': true });
    const asked = await fetch(`http://${this.rest}/jobs/${job}/savepoints`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    const { 'request-id': request } = (await asked.json()) as { 'request-id': string };
    for (;;) {
      const { status, operation } = await this.#get<{
        status: { id: string };
        operation?: { location?: string; 'failure-cause'?: unknown };
      }>(`/jobs/${job}/savepoints/${request}`);
      if (status.id === 'COMPLETED') {
        if (operation?.location !== undefined) return operation.location;
        throw new Error(`no savepoint: ${JSON.stringify(operation).slice(0, 2000)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  async stop(): Promise<void> {
    await this.killTaskManagers();
    await this.#jobManager.stop();
  }

  async #get<T>(path: string): Promise<T> {
    const response = await fetch(`http://${this.rest}${path}`);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }
}
