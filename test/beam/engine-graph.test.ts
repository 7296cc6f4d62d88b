import { expect } from 'chai';
import '../../beam/operators.js';
import { Pipeline as ProtoPipeline, ParDoPayload } from 'apache-beam/proto/beam_runner_api';
import { decodeFn, encodeFn, FN_URN } from '../../beam/fn.js';
import { CONSTANT_FN } from '../../beam/constant.js';
import { inlineConstants } from '../../beam/inline-constants.js';
import { fireOnce } from '../../beam/once-triggers.js';
import { afterDelay, atEndOfWindow, backingOff, never, repeatedly } from '../../beam/triggers.js';
import type { PTransform, Trigger } from 'apache-beam/proto/beam_runner_api';

function pipelineOf(components: object): ProtoPipeline {
  const empty = { coders: {}, pcollections: {}, environments: {}, transforms: {} };
  return ProtoPipeline.create({
    components: { windowingStrategies: {}, ...empty, ...components },
  });
}

function triggerAfter(trigger: Trigger): Trigger | undefined {
  const pipeline = pipelineOf({ windowingStrategies: { w: { trigger } } });
  fireOnce(pipeline);
  return pipeline.components?.windowingStrategies['w'].trigger;
}

function step(fn: string, params: unknown, sides: Record<string, string> = {}): PTransform {
  const sideInputs = Object.fromEntries(Object.keys(sides).map((id) => [id, {}]));
  const doFn = { urn: FN_URN, payload: encodeFn({ fn, params }) };
  const payload = ParDoPayload.toBinary(ParDoPayload.create({ doFn, sideInputs }));
  return {
    spec: { urn: 'beam:transform:pardo:v1', payload },
    inputs: { main: 'main', ...sides },
    outputs: { out: fn },
  } as unknown as PTransform;
}

describe('a graph made ready for an engine', () => {
  it('has early and late firings that fire once, as Java wants them', () => {
    const early = afterDelay(5000);
    expect(triggerAfter(atEndOfWindow(repeatedly(early), repeatedly(early)))).to.deep.equal(
      atEndOfWindow(early, early),
    );
    expect(triggerAfter(atEndOfWindow(backingOff(1000, 8000), undefined))).to.deep.equal(
      atEndOfWindow(afterDelay(1000), undefined),
    );
    expect(triggerAfter(never())).to.deep.equal(never());
  });

  it('has constants in the parameters of steps instead of in side inputs', () => {
    const sides = { 'side.reference': CONSTANT_FN, 'side.other': 'made' };
    const constant = step(CONSTANT_FN, { version: 'v1' });
    const pipeline = pipelineOf({ transforms: { constant, reader: step('reader', 7, sides) } });
    inlineConstants(pipeline);
    const reader = pipeline.components?.transforms['reader'];
    if (reader === undefined) throw new Error('the step is gone');
    const payload = ParDoPayload.fromBinary(reader.spec?.payload ?? new Uint8Array());
    expect(Object.keys(payload.sideInputs)).to.deep.equal(['side.other']);
    expect(reader.inputs).to.deep.equal({ main: 'main', 'side.other': 'made' });
    expect(decodeFn(payload.doFn?.payload ?? new Uint8Array())).to.deep.equal({
      fn: 'reader',
      params: 7,
      literals: { 'side.reference': { version: 'v1' } },
    });
  });
});
