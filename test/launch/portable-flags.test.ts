import { expect } from 'chai';
import { readPortableFlags } from '../../launch/portable/portable-flags.js';

const endpoint = 'localhost:8073';

describe('flags of portable engines', () => {
  it('by default start workers beside the engine', () => {
    expect(readPortableFlags('portable', { endpoint, engineOption: [] })).to.deep.equal({
      portable: {
        endpoint,
        expansionService: 'localhost:8097',
        workers: { kind: 'here' },
        jobName: 'flowsieve',
        pipelineOptions: {},
      },
      problems: [],
    });
  });

  it('say what workers run in', () => {
    const workersOf = (environment: 'process' | 'docker' | 'external', config: string): unknown =>
      readPortableFlags('portable', { endpoint, environment, environmentConfig: config }).portable
        ?.workers;
    expect(workersOf('process', '/opt/flowsieve/worker')).to.deep.equal({
      kind: 'process',
      command: '/opt/flowsieve/worker',
    });
    expect(workersOf('docker', 'flowsieve:1')).to.deep.equal({
      kind: 'docker',
      image: 'flowsieve:1',
    });
    expect(workersOf('external', 'pool:50000')).to.deep.equal({
      kind: 'external',
      endpoint: 'pool:50000',
    });
  });

  it('pass options on, JSON where it is JSON', () => {
    const engineOption = ['a_b=1', 'c=true', 'd=x=y', 'e=["z"]'];
    const { portable } = readPortableFlags('portable', { endpoint, engineOption, parallelism: 3 });
    expect(portable?.pipelineOptions).to.deep.equal({
      parallelism: 3,
      a_b: 1,
      c: true,
      d: 'x=y',
      e: ['z'],
    });
  });

  it('are all checked before anything runs', () => {
    const places = ({ problems }: ReturnType<typeof readPortableFlags>): string[] =>
      problems.map(({ place }) => place);
    const wrong = {
      endpoint: 'localhost',
      jobName: 'A b',
      environment: 'docker',
      engineOption: ['x'],
    } as const;
    expect(places(readPortableFlags('portable', wrong))).to.deep.equal([
      '--endpoint',
      '--job-name',
      '--environment-config',
      '--engine-option',
    ]);
    expect(places(readPortableFlags('portable', {}))).to.deep.equal(['--endpoint']);
  });

  it('are refused with other runners', () => {
    const { problems } = readPortableFlags('local', { endpoint, parallelism: 2, engineOption: [] });
    expect(problems.map(({ place }) => place)).to.deep.equal(['--endpoint', '--parallelism']);
  });
});
