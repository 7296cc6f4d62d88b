import { expect } from 'chai';
import { ExternalConfigurationPayload } from 'apache-beam/proto/external_transforms';
import { encodeConfiguration } from '../../beam/external-configuration.js';

describe('the configuration of a transform of another SDK', () => {
  it('is a row as the model has it, maps and lists counted big endian', () => {
    const bytes = encodeConfiguration({
      consumerConfig: { a: 'b' },
      topics: ['t', 'é'],
      timestampPolicy: 'CreateTime',
      commitOffsetInFinalize: true,
    });
    const { schema, payload } = ExternalConfigurationPayload.fromBinary(bytes);
    expect(schema?.fields.map(({ name }) => name)).to.deep.equal([
      'consumerConfig',
      'topics',
      'timestampPolicy',
      'commitOffsetInFinalize',
    ]);
    // Java takes nothing else for a schema's id.
    expect(schema?.id).to.match(/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/);
    const expected = [
      ...[4, 0],
      ...[0, 0, 0, 1, 1, 97, 1, 98],
      ...[0, 0, 0, 2, 1, 116, 2, 0xc3, 0xa9],
      ...[10, ...Buffer.from('CreateTime')],
      1,
    ];
    expect([...payload]).to.deep.equal(expected);
  });
});
