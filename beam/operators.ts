/**
 * Own operators behind standard URNs.
 *
 * Fault: the SDK's ParDo constructor throws on a DoFn it does not know and cannot be delegated to.
 * Repair: `createOperator` is wrapped before worker/worker is loaded (it keeps a reference). The
 * transform keeps the URN `beam:transform:pardo:v1`, so every engine fuses it; the DoFn's own URN
 * says that the operator is ours.
 */
import './prepare.js';
import 'apache-beam';
import operators from 'apache-beam/worker/operators';
import type { IOperator, OperatorContext } from 'apache-beam/worker/operators';
import { ParDoPayload, type PTransform } from 'apache-beam/proto/beam_runner_api';

export type OperatorMaker = (
  transformId: string,
  transform: PTransform,
  context: OperatorContext,
  payload: Uint8Array,
) => IOperator;

const PARDO = 'beam:transform:pardo:v1';
const makers = new Map<string, OperatorMaker>();

/** Has ParDos whose DoFn has the URN `urn` run by the operator that `make` returns. */
export function registerDoFnOperator(urn: string, make: OperatorMaker): void {
  makers.set(urn, make);
}

interface OperatorsModule {
  createOperator: (transformId: string, context: OperatorContext) => IOperator;
}

const sdk = operators as OperatorsModule;
const original = sdk.createOperator;

sdk.createOperator = (transformId, context): IOperator => {
  const transform = context.descriptor.transforms[transformId];
  if (transform.spec?.urn === PARDO) {
    const { doFn } = ParDoPayload.fromBinary(transform.spec.payload);
    const make = doFn === undefined ? undefined : makers.get(doFn.urn);
    if (doFn !== undefined && make !== undefined) {
      // As the original does: receivers exist before the operator, or topological order is lost.
      for (const output of Object.values(transform.outputs)) context.getReceiver(output);
      return make(transformId, transform, context, doFn.payload);
    }
  }
  return original(transformId, context);
};
