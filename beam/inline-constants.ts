/**
 * Side inputs that are constants, put into the steps that read them.
 *
 * Fault (Flink, Beam 2.70): a streaming job with a side input fails at its first checkpoint, `class [B
 * cannot be cast to class WindowedValue`, and so never has one.
 * Repair: before a job without an end is submitted, a side input whose only element the graph itself
 * states is moved into the step's parameters.
 */
import './prepare.js';
import 'apache-beam';
import { ParDoPayload, type Pipeline, type PTransform } from 'apache-beam/proto/beam_runner_api';
import { decodeFn, encodeFn, FN_URN } from './fn.js';
import { CONSTANT_FN } from './constant.js';

/** Moves constants into the parameters of the steps that have them as side inputs. */
export function inlineConstants({ components }: Pipeline): void {
  const transforms = Object.values(components?.transforms ?? {});
  const constants = new Map<string, unknown>();
  for (const transform of transforms) {
    const pardo = fnOf(transform);
    if (pardo?.fn !== CONSTANT_FN) continue;
    for (const collection of Object.values(transform.outputs)) {
      constants.set(collection, pardo.params);
    }
  }
  for (const transform of transforms) inlineInto(transform, constants);
}

function inlineInto(transform: PTransform, constants: ReadonlyMap<string, unknown>): void {
  const fn = fnOf(transform);
  if (fn === undefined || transform.spec === undefined) return;
  const payload = ParDoPayload.fromBinary(transform.spec.payload);
  const literals: Record<string, unknown> = { ...fn.literals };
  for (const id of Object.keys(payload.sideInputs)) {
    const collection = transform.inputs[id];
    if (!constants.has(collection)) continue;
    literals[id] = constants.get(collection);
    Reflect.deleteProperty(payload.sideInputs, id);
    Reflect.deleteProperty(transform.inputs, id);
  }
  payload.doFn = { urn: FN_URN, payload: encodeFn({ ...fn, literals }) };
  transform.spec.payload = ParDoPayload.toBinary(payload);
}

function fnOf({ spec }: PTransform): ReturnType<typeof decodeFn> | undefined {
  if (spec?.urn !== 'beam:transform:pardo:v1') return undefined;
  const { doFn } = ParDoPayload.fromBinary(spec.payload);
  return doFn?.urn === FN_URN ? decodeFn(doFn.payload) : undefined;
}
