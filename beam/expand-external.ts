/**
 * Puts the transforms of another SDK in the place of their placeholders (`external.ts`), by asking an
 * expansion service, such as the one of Flink's job server.
 */
import './prepare.js';
import 'apache-beam';
import { Client, credentials } from '@grpc/grpc-js';
import { ExpansionRequest, ExpansionResponse } from 'apache-beam/proto/beam_expansion_api';
import type { Components, PTransform, Pipeline } from 'apache-beam/proto/beam_runner_api';
import { encodeConfiguration } from './external-configuration.js';
import { decodeExternal, EXTERNAL_URN } from './external.js';

/** A service that has not answered by then never will: it only builds a graph. */
const EXPANSION_MS = 60_000;

/**
 * Java code that runs within the engine's own process. The job server knows it by this name only;
 * with `beam:env:embedded:v1` it failed with a null pointer.
 */
const EMBEDDED_JAVA = 'EMBEDDED';

/** Whether a graph has a placeholder, and so needs an expansion service. */
export function hasExternal({ components }: Pipeline): boolean {
  return Object.values(components?.transforms ?? {}).some(isPlaceholder);
}

/**
 * Replaces all placeholders of `pipeline` by what the service at `address` (HOST:PORT) gives for
 * them. Names stay the same from run to run: an engine finds its state by them. Throws an Error that
 * names the service where it cannot be asked or does not know the transform.
 */
export async function expandExternal(pipeline: Pipeline, address: string): Promise<void> {
  const { components } = pipeline;
  if (components === undefined) return;
  const placeholders = Object.entries(components.transforms).filter(([, transform]) =>
    isPlaceholder(transform),
  );
  if (placeholders.length === 0) return;
  const client = new Client(address, credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
  });
  try {
    for (const [id, placeholder] of placeholders) {
      const response = await expanded(client, components, id, placeholder).catch(
        (error: unknown) => {
          const what = `the expansion service ${address} gave no transform for the step ${placeholder.uniqueName}`;
          throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
        },
      );
      splice(pipeline, components, id, response);
    }
  } finally {
    client.close();
  }
}

function isPlaceholder({ spec }: PTransform): boolean {
  return spec?.urn === EXTERNAL_URN;
}

async function expanded(
  client: Client,
  components: Components,
  id: string,
  placeholder: PTransform,
): Promise<ExpansionResponse> {
  const { urn, configuration } = decodeExternal(placeholder.spec?.payload ?? new Uint8Array());
  const inputs = Object.values(placeholder.inputs);
  const request = ExpansionRequest.create({
    transform: {
      uniqueName: placeholder.uniqueName,
      spec: { urn, payload: encodeConfiguration(configuration) },
      inputs: placeholder.inputs,
    },
    components: {
      coders: components.coders,
      windowingStrategies: components.windowingStrategies,
      environments: components.environments,
      pcollections: Object.fromEntries(
        inputs.map((input) => [input, components.pcollections[input]]),
      ),
      // Java wants to know where a collection comes from.
      transforms: Object.fromEntries(
        inputs.map((input) => [
          `made ${input}`,
          {
            uniqueName: `made ${input}`,
            spec: { urn: 'beam:transform:impulse:v1', payload: new Uint8Array() },
            outputs: { out: input },
            inputs: {},
            subtransforms: [],
            displayData: [],
            environmentId: '',
            annotations: {},
          },
        ]),
      ),
    },
    namespace: namespaceOf(id),
  });
  const answer = await expand(client, request);
  if (answer.error !== '') throw new Error(answer.error.split('\n')[0]);
  return answer;
}

/** The service's only call. The SDK's client for it limits what it takes to 4 MB. */
function expand(client: Client, request: ExpansionRequest): Promise<ExpansionResponse> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      '/org.apache.beam.model.expansion.v1.ExpansionService/Expand',
      (message: ExpansionRequest) => Buffer.from(ExpansionRequest.toBinary(message)),
      (bytes) => ExpansionResponse.fromBinary(bytes),
      request,
      { deadline: Date.now() + EXPANSION_MS },
      (error, response) => {
        if (error !== null || response === undefined) {
          reject(error ?? new Error('it answered nothing'));
          return;
        }
        resolve(response);
      },
    );
  });
}

function namespaceOf(id: string): string {
  return `${id} external `;
}

/** Takes over what the service made, under the placeholder's id and with its output. */
function splice(
  pipeline: Pipeline,
  components: Components,
  id: string,
  { transform, components: made, requirements }: ExpansionResponse,
): void {
  if (transform === undefined || made === undefined) throw new Error('it answered without one');
  const namespace = namespaceOf(id);
  const placeholder = components.transforms[id];
  const renamed = new Map<string, string>();
  const own = Object.values(placeholder.outputs);
  const theirs: readonly (string | undefined)[] = Object.values(transform.outputs);
  // Only what follows in our graph needs a name of ours: a source has one output, a sink none.
  for (const [i, output] of own.entries()) {
    const their = theirs[i];
    if (their === undefined) throw new Error(`${placeholder.uniqueName} has no output`);
    renamed.set(their, output);
  }
  const newName = (collection: string): string => renamed.get(collection) ?? collection;
  for (const kind of ['transforms', 'pcollections', 'coders', 'windowingStrategies'] as const) {
    for (const [name, component] of Object.entries(made[kind])) {
      if (!name.startsWith(namespace) || renamed.has(name)) continue;
      (components[kind] as Record<string, unknown>)[name] = component;
    }
  }
  for (const [name, environment] of Object.entries(made.environments)) {
    if (!name.startsWith(namespace)) continue;
    // The engine has the jars: nothing is staged.
    components.environments[name] = {
      ...environment,
      urn: EMBEDDED_JAVA,
      payload: new Uint8Array(),
      dependencies: [],
    };
  }
  components.transforms[id] = transform;
  for (const [name, each] of Object.entries(components.transforms)) {
    if (name !== id && !name.startsWith(namespace)) continue;
    each.inputs = renamedValues(each.inputs, newName);
    each.outputs = renamedValues(each.outputs, newName);
  }
  pipeline.requirements = [...new Set([...pipeline.requirements, ...requirements])];
}

function renamedValues(
  collections: Readonly<Record<string, string>>,
  newName: (collection: string) => string,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(collections).map(([tag, collection]) => [tag, newName(collection)]),
  );
}
