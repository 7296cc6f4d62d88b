import { expect } from 'chai';
import { checkDataflow, type DataflowFlags } from '../../launch/dataflow/options.js';
import type { YamlFile } from '../../launch/config/yaml-file.js';
import { parseYaml } from '../../launch/config/yaml-file.js';

const SOUND = {
  project: 'fake-proj',
  region: 'us-central1',
  image: 'us-docker.pkg.dev/fake-proj/r/img:1',
  tempLocation: 'gs://bkt/temp',
};

function check(
  setting: Readonly<Record<string, unknown>>,
  { flags = {}, streaming = false }: { flags?: DataflowFlags; streaming?: boolean } = {},
): readonly string[] {
  const parsed = parseYaml(JSON.stringify({ dataflow: { ...SOUND, ...setting } }), 'f.yaml');
  if (!parsed.ok) throw new Error('no YAML');
  const file: YamlFile = parsed.file;
  const { dataflow } = file.value as { dataflow: unknown };
  const checked = checkDataflow(file, dataflow, flags, { streaming, jobName: 'job' });
  return checked.ok
    ? []
    : checked.problems.map(({ path, place, message }) => `${path || place}: ${message}`);
}

describe('options of a job on Dataflow', () => {
  it('a sound set is taken, flags over the setting', () => {
    expect(check({ maxWorkers: 10 })).to.deep.equal([]);
    expect(check({ maxWorkers: 'x' }, { flags: { maxWorkers: 5 } })).to.deep.equal([]);
  });

  const wrong: readonly [Record<string, unknown>, RegExp, { streaming?: boolean }?][] = [
    [{ project: 'X' }, /^dataflow\.project: expected the id of a Google Cloud project, got "X"/],
    [{ region: 'us central1' }, /^dataflow\.region: expected a region/],
    [{ image: 'img' }, /^dataflow\.image: expected a container image/],
    [{ image: 'gcr.io/p/img' }, /HOST\/PATH:TAG or HOST\/PATH@sha256/],
    [{ tempLocation: '/tmp' }, /^dataflow\.tempLocation: expected gs:\/\/bucket\/prefix/],
    [{ jobName: 'Flows_1' }, /^dataflow\.jobName: expected lower-case letters/],
    [{ numWorkers: 0 }, /^dataflow\.numWorkers: expected a whole number from 1 to 4000/],
    [{ diskSizeGb: '50' }, /^dataflow\.diskSizeGb: expected a whole number/],
    [{ machineType: 'big' }, /^dataflow\.machineType: expected a machine type/],
    [{ subnetwork: 'private' }, /^dataflow\.subnetwork: expected regions\/REGION/],
    [{ serviceAccount: 'me@example.com' }, /^dataflow\.serviceAccount: expected NAME@PROJECT/],
    [{ kmsKey: 'key' }, /^dataflow\.kmsKey: expected projects\//],
    [{ labels: { Team: 'x' } }, /^dataflow\.labels.*lower-case/],
    [{ experiments: ['a b'] }, /^dataflow\.experiments\[0\]: expected experiment/],
    [{ flexrs: 'CHEAP' }, /^dataflow\.flexrs: expected one of COST_OPTIMIZED/],
    [{ endpoint: 'http://example.com' }, /^dataflow\.endpoint: expected https/],
    [{ workers: 3 }, /^dataflow\.workers: unknown setting, expected one of project/],
    [{ numWorkers: 5, maxWorkers: 3 }, /^dataflow\.numWorkers: expected at most maxWorkers \(3\)/],
    [
      { flexrs: 'COST_OPTIMIZED' },
      /^dataflow\.flexrs: expected it only for batch/,
      { streaming: true },
    ],
    [{ workerRegion: 'us-east1', workerZone: 'us-east1-b' }, /^dataflow\.workerZone: .*got both/],
    [
      { subnetwork: 'regions/us-east1/subnetworks/s' },
      /^dataflow\.subnetwork: expected one of us-central1/,
    ],
    [
      { network: 'n', subnetwork: 'regions/us-central1/subnetworks/s' },
      /^dataflow\.network: .*got both/,
    ],
    [
      { kmsKey: 'projects/p/locations/global/keyRings/r/cryptoKeys/k' },
      /^dataflow\.kmsKey: expected a key in us-central1/,
    ],
  ];
  for (const [setting, message, how] of wrong) {
    it(`${JSON.stringify(setting)}: one problem`, () => {
      const problems = check(setting, how);
      expect(problems).to.have.length(1);
      expect(problems[0]).to.match(message);
    });
  }

  it('a wrong flag is told by its own name', () => {
    expect(check({}, { flags: { workerZone: 'here' } })).to.deep.equal([
      '--worker-zone: expected a zone such as europe-west4-a, got "here"',
    ]);
  });

  it('all that is missing is told at once', () => {
    const parsed = parseYaml('a: 1', 'f.yaml');
    if (!parsed.ok) throw new Error('no YAML');
    const checked = checkDataflow(parsed.file, undefined, {}, { streaming: false, jobName: 'job' });
    const paths = checked.ok ? [] : checked.problems.map(({ path }) => path);
    expect(paths).to.deep.equal([
      'dataflow.project',
      'dataflow.region',
      'dataflow.image',
      'dataflow.tempLocation',
    ]);
  });
});
