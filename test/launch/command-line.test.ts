import { expect } from 'chai';
import { runCommandLine } from '../../launch/command-line.js';
import { withCaughtOutput, type CaughtOutput } from '../evaluate/caught-output.js';
import { sampleFinding } from './sample-finding.js';
import { TemporaryFiles } from './temporary-files.js';

interface Ran extends CaughtOutput {
  readonly code: number;
}

/** Runs a command line in this process with both streams caught. */
async function run(...args: readonly string[]): Promise<Ran> {
  const { result: code, ...caught } = await withCaughtOutput(() => runCommandLine(args));
  return { code, ...caught };
}

describe('command line', () => {
  const files = new TemporaryFiles();

  it('--help lists the commands on standard output and ends with 0', async () => {
    const { code, stdout, stderr } = await run('--help');
    expect(code).to.equal(0);
    expect(stderr).to.equal('');
    for (const command of ['run', 'demo', 'generate', 'evaluate', 'reference', 'explain']) {
      expect(stdout).to.match(new RegExp(`^  ${command} `, 'm'));
    }
  });

  it('--version ends with 0', async () => {
    expect(await run('--version')).to.include({ code: 0, stderr: '' });
  });

  const usage = [
    [[], /Usage: flowsieve/],
    [['fly'], /unknown command 'fly'/],
    [['run'], /missing required argument 'config'/],
    [['run', 'a.yaml', '--speed'], /unknown option '--speed'/],
    [['run', 'a.yaml', '--runner', 'spark'], /Allowed choices are local, direct/],
    [['demo', '--seed', 'x'], /expected a whole number from 0 to 4294967295/],
    [['generate', 'd', '--flows', '0'], /expected a whole number from 1 to 1000000000/],
    [['generate', 'd', '--format', 'xml'], /Allowed choices are csv, goflow2/],
    [['reference'], /Usage: flowsieve reference/],
    [['explain', 'findings.ndjson'], /missing required argument 'id'/],
  ] as const;
  for (const [args, message] of usage) {
    it(`"${args.join(' ')}" is a usage error: 2`, async () => {
      const { code, stdout, stderr } = await run(...args);
      expect(code).to.equal(2);
      expect(stdout).to.equal('');
      expect(stderr).to.match(message);
    });
  }

  it('run ends with 2 and everything that is wrong with the configuration', async () => {
    const path = files.write('flowsieve.yaml', 'window: 5\nshards: 0\n');
    const { code, stdout, stderr } = await run('run', path);
    expect(code).to.equal(2);
    expect(stdout).to.equal('');
    expect(stderr.trim().split('\n')).to.have.length(4);
    expect(stderr).to.match(/3 problems; nothing was run\n$/);
  });

  it('reference build ends with 2 where the configuration is wrong', async () => {
    const { code, stderr } = await run('reference', 'build', files.path('none.yaml'));
    expect(code).to.equal(2);
    expect(stderr).to.match(/there is no such file/);
  });

  it('reference build compiles, tells people of the feeds and prints the version', async () => {
    files.write('customers.csv', 'customer,cidr\nacme,192.0.2.0/24\n');
    files.write('c2.txt', '198.51.100.7\nnonsense\n');
    const path = files.write(
      'flowsieve.yaml',
      'customers: customers.csv\nreference:\n  feeds:\n' +
        '    - { name: my-c2, kind: tags, category: c2, format: address-list, uri: c2.txt }\n',
    );
    const { code, stdout, stderr } = await run('reference', 'build', path);
    expect(code).to.equal(0);
    expect(stdout).to.match(/^[0-9a-f]{16}\n$/);
    expect(stderr).to.include(`snapshot ${stdout.trim()} in ${files.path('snapshot')}`);
    expect(stderr).to.match(/my-c2 +tags c2/);
  });

  describe('explain', () => {
    it('prints the finding on standard output', async () => {
      files.write('findings.ndjson', `${JSON.stringify(sampleFinding)}\n`);
      const { code, stdout, stderr } = await run('explain', files.directory, 'abcdef01');
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
      expect(stdout.startsWith(sampleFinding.summary)).to.equal(true);
    });

    it('tells of malformed lines, and still explains', async () => {
      const path = files.write('f.ndjson', `{\n${JSON.stringify(sampleFinding)}\n`);
      const { code, stderr } = await run('explain', path, sampleFinding.id);
      expect(code).to.equal(0);
      expect(stderr).to.match(/: line 1 is not a finding and was passed over\n$/);
    });

    const wrong = [
      ['abc', /at least 6 of its first digits \(0-9, a-f\), got "abc"/],
      ['findings', /got "findings"/],
      ['000000', /none of its 1 findings has an id that begins with 000000/],
    ] as const;
    for (const [id, message] of wrong) {
      it(`the id ${id} is an error`, async () => {
        const path = files.write('findings.ndjson', `${JSON.stringify(sampleFinding)}\n`);
        const { code, stdout, stderr } = await run('explain', path, id);
        expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' });
        expect(stderr).to.match(message);
      });
    }

    it('names a file that is not there', async () => {
      const { code, stderr } = await run('explain', files.directory, 'abcdef01');
      expect(code).to.equal(2);
      expect(stderr).to.match(/findings\.ndjson: there is no such file\n$/);
    });
  });
});
