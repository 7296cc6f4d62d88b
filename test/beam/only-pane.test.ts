import { ONLY_PANE } from '../../beam/only-pane.js';
import { expect } from 'chai';
import { PaneInfoCoder } from 'apache-beam/coders/standard_coders';
import protobuf from 'protobufjs';

describe('ONLY_PANE', () => {
  it('is first and last, on the wire as the model has it, and the one that the SDK hands out', () => {
    expect([ONLY_PANE.isFirst, ONLY_PANE.isLast]).to.deep.equal([true, true]);
    const writer = protobuf.Writer.create();
    PaneInfoCoder.INSTANCE.encode(ONLY_PANE, writer, null as never);
    expect([...writer.finish()]).to.deep.equal([0x0f]);
    expect(PaneInfoCoder.ONE_AND_ONLY_FIRING).to.equal(ONLY_PANE);
  });
});
