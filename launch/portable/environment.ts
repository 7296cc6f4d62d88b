import {
  DockerPayload,
  ExternalPayload,
  ProcessPayload,
  type Environment,
  type Pipeline,
} from 'apache-beam/proto/beam_runner_api';

/** What runs the steps of a job, as the engine is told. */
export type WorkerEnvironment =
  | {
      readonly kind: 'process';
      /** An executable file on the workers' machine. */ readonly command: string;
    }
  | { readonly kind: 'docker'; readonly image: string }
  | { readonly kind: 'external'; /** HOST:PORT of a pool of workers. */ readonly endpoint: string };

/** What the SDK puts into a graph for "where this was written". */
const DEFAULT_URN = 'js_default';

/** Puts the environment of our steps into a pipeline's proto; others (Java's) stay as they are. */
export function setEnvironment(pipeline: Pipeline, worker: WorkerEnvironment): void {
  for (const environment of Object.values(pipeline.components?.environments ?? {})) {
    if (environment.urn !== DEFAULT_URN) continue;
    Object.assign(environment, specOf(worker));
    // Code is installed where workers run, never staged.
    environment.dependencies = [];
  }
}

function specOf(worker: WorkerEnvironment): Pick<Environment, 'urn' | 'payload'> {
  switch (worker.kind) {
    case 'process': {
      const payload = ProcessPayload.create({ command: worker.command });
      return { urn: 'beam:env:process:v1', payload: ProcessPayload.toBinary(payload) };
    }
    case 'docker': {
      const payload = DockerPayload.create({ containerImage: worker.image });
      return { urn: 'beam:env:docker:v1', payload: DockerPayload.toBinary(payload) };
    }
    case 'external': {
      const payload = ExternalPayload.create({ endpoint: { url: worker.endpoint } });
      return { urn: 'beam:env:external:v1', payload: ExternalPayload.toBinary(payload) };
    }
  }
}
