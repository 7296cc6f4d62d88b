import { expect } from 'chai';
import { plainOptions } from '../../../beam/worker/provision.js';

describe('pipeline options that an engine gives its workers', () => {
  const plain = { job_name: 'a', registered_node_modules: ['m'] };

  it('with URNs for names', () => {
    const given = {
      'beam:option:job_name:v1': 'a',
      'beam:option:registered_node_modules:v1': ['m'],
    };
    expect(plainOptions(given)).to.deep.equal(plain);
  });

  it('a level deeper, as Dataflow has them', () => {
    expect(plainOptions({ options: plain, display_data: [] })).to.deep.equal(plain);
  });
});
