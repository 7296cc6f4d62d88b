import { join } from 'node:path';
import { freePorts } from '../loopback.js';
import { JavaProcess } from '../java-process.js';

/** Packages that Java 17 must open for Beam and Flink. */
const OPENED = [
  'java.lang',
  'java.util',
  'java.nio',
  'sun.nio.ch',
  'java.net',
  'java.io',
  'java.time',
  'java.util.concurrent',
  'java.lang.invoke',
];

/** Flags of every Java process that has Flink's jars. */
export function flinkFlags(jars: string, memory: string): string[] {
  const opens = OPENED.map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`);
  return [`-Xmx${memory}`, ...opens, '-cp', join(jars, '*')];
}

/** Beam's job server for Flink, with an expansion service that knows Kafka. */
export class FlinkJobServer {
  /** HOST:PORT of the job service. */
  readonly endpoint: string;
  /** HOST:PORT of the expansion service. */
  readonly expansion: string;
  readonly java: JavaProcess;

  private constructor(endpoint: string, expansion: string, java: JavaProcess) {
    this.endpoint = endpoint;
    this.expansion = expansion;
    this.java = java;
  }

  /** `master` = `[local]` (Flink within this process), or HOST:PORT of a cluster's REST service. */
  static async start(
    jars: string,
    { master = '[local]', directory }: { master?: string; directory: string },
  ): Promise<FlinkJobServer> {
    const [job, artifact, expansion] = await freePorts(3);
    const java = await JavaProcess.start(
      [
        ...flinkFlags(jars, '3g'),
        'org.apache.beam.runners.flink.FlinkJobServerDriver',
        '--job-host=localhost',
        `--job-port=${job}`,
        `--artifact-port=${artifact}`,
        `--expansion-port=${expansion}`,
        `--flink-master=${master}`,
        `--artifacts-dir=${join(directory, 'artifacts')}`,
      ],
      { ready: /JobService started/, logFile: join(directory, 'job-server.log') },
    );
    return new FlinkJobServer(`127.0.0.1:${job}`, `127.0.0.1:${expansion}`, java);
  }

  stop(): Promise<void> {
    return this.java.stop();
  }
}
