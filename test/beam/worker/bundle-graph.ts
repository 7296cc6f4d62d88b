import '../../../beam/coders.js';
import '../../../beam/fn.js';
import Long from 'long';
import protobuf from 'protobufjs';
import { Context } from 'apache-beam/coders/coders';
import { PipelineContext } from 'apache-beam/internal/pipeline';
import { ProcessBundleDescriptor, RemoteGrpcPort } from 'apache-beam/proto/beam_fn_api';
import { ParDoPayload } from 'apache-beam/proto/beam_runner_api';
import { GlobalWindow } from 'apache-beam/values';
import { ONLY_PANE } from '../../../beam/only-pane.js';

/** A bundle's graph as an engine describes it: source -> one registered Fn -> sink, JSON between. */
export function describeBundle(
  id: string,
  endpoint: string,
  fn: string,
  params: unknown,
): ProcessBundleDescriptor {
  const port = RemoteGrpcPort.toBinary(
    RemoteGrpcPort.create({ apiServiceDescriptor: { url: endpoint }, coderId: 'windowed' }),
  );
  const doFn = { urn: 'flowsieve:dofn:v1', payload: Buffer.from(JSON.stringify({ fn, params })) };
  const collection = { coderId: 'json', windowingStrategyId: 'global' };
  return ProcessBundleDescriptor.create({
    id,
    transforms: {
      source: {
        uniqueName: 'source',
        spec: { urn: 'beam:runner:source:v1', payload: port },
        outputs: { out: 'in' },
      },
      fn: {
        uniqueName: 'fn',
        spec: {
          urn: 'beam:transform:pardo:v1',
          payload: ParDoPayload.toBinary(ParDoPayload.create({ doFn })),
        },
        inputs: { in: 'in', 'side.numbers': 'side' },
        outputs: { out: 'out' },
      },
      sink: {
        uniqueName: 'sink',
        spec: { urn: 'beam:runner:sink:v1', payload: port },
        inputs: { in: 'out' },
      },
    },
    pcollections: { in: collection, out: collection, side: collection },
    coders: {
      json: { spec: { urn: 'flowsieve:coder:json:v1' } },
      global: { spec: { urn: 'beam:coder:global_window:v1' } },
      windowed: {
        spec: { urn: 'beam:coder:windowed_value:v1' },
        componentCoderIds: ['json', 'global'],
      },
    },
    stateApiServiceDescriptor: { url: endpoint },
  });
}

/** As `describeBundle`, for a Fn without the side input. */
export function describePlainBundle(
  id: string,
  endpoint: string,
  fn: string,
  params: unknown,
): ProcessBundleDescriptor {
  const descriptor = describeBundle(id, endpoint, fn, params);
  delete descriptor.transforms['fn'].inputs['side.numbers'];
  return descriptor;
}

export function encodeElements(
  descriptor: ProcessBundleDescriptor,
  values: readonly unknown[],
): Uint8Array {
  const coder = new PipelineContext(descriptor as never, '').getCoder('windowed');
  const writer = protobuf.Writer.create();
  const timestamp = Long.fromNumber(0);
  const windows = [new GlobalWindow()];
  for (const value of values) {
    coder.encode({ value, windows, pane: ONLY_PANE, timestamp }, writer, Context.needsDelimiters);
  }
  return writer.finish();
}

export function decodeElements(descriptor: ProcessBundleDescriptor, bytes: Uint8Array): unknown[] {
  const coder = new PipelineContext(descriptor as never, '').getCoder('windowed');
  const reader = protobuf.Reader.create(bytes);
  const values: unknown[] = [];
  while (reader.pos < reader.len) {
    const { value } = coder.decode(reader, Context.needsDelimiters) as { value: unknown };
    values.push(value);
  }
  return values;
}
