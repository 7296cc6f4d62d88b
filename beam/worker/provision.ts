/** What an engine tells a worker that it starts. */
import '../prepare.js';
import 'apache-beam';
import { Struct } from 'apache-beam/proto/google/protobuf/struct';
import {
  GetProvisionInfoRequest,
  GetProvisionInfoResponse,
} from 'apache-beam/proto/beam_provision_api';
import { RpcClient, type Method } from './rpc.js';

const GET_PROVISION_INFO: Method<GetProvisionInfoRequest, GetProvisionInfoResponse> = {
  path: '/org.apache.beam.model.fn_execution.v1.ProvisionService/GetProvisionInfo',
  request: GetProvisionInfoRequest,
  response: GetProvisionInfoResponse,
};

export interface Provision {
  /** HOST:PORT; undefined where the engine names none. */
  readonly controlEndpoint: string | undefined;
  readonly loggingEndpoint: string | undefined;
  /** Pipeline options by their plain names (`registered_node_modules`). */
  readonly options: Readonly<Record<string, unknown>>;
  /** Ids of further workers that are to be started beside this one. */
  readonly siblingWorkerIds: readonly string[];
}

/** Asks the engine at `endpoint` (HOST:PORT); rejects where it does not answer. */
export async function askProvision(endpoint: string, workerId: string): Promise<Provision> {
  const client = new RpcClient(endpoint, workerId);
  try {
    const { info } = await client.unary(GET_PROVISION_INFO, {}, 30_000);
    if (info === undefined) throw new Error('the engine gives no provision information');
    const given = info.pipelineOptions === undefined ? {} : Struct.toJson(info.pipelineOptions);
    return {
      controlEndpoint: urlOf(info.controlEndpoint),
      loggingEndpoint: urlOf(info.loggingEndpoint),
      options: plainOptions(given as Record<string, unknown>),
      siblingWorkerIds: info.siblingWorkerIds,
    };
  } finally {
    client.close();
  }
}

function urlOf(endpoint: { readonly url: string } | undefined): string | undefined {
  return endpoint === undefined || endpoint.url === '' ? undefined : endpoint.url;
}

/** Without the URN around the names, and without the level that Dataflow puts around all of them. */
export function plainOptions(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { options } = given;
  const nested = typeof options === 'object' && options !== null && !Array.isArray(options);
  const all = nested ? (options as Record<string, unknown>) : given;
  return Object.fromEntries(
    Object.entries(all).map(([name, value]) => [
      /^beam:option:(.*):v1$/.exec(name)?.[1] ?? name,
      value,
    ]),
  );
}
