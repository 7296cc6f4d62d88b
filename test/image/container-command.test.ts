import { EventEmitter } from 'node:events';
import { expect } from 'chai';
import { containerCommand } from '../../launch/container/container-command.js';
import { endOnSignals } from '../../launch/container/end-on-signals.js';

describe('the arguments of a container', () => {
  const engines = [
    ['Prism', ['--id=go-job-1-env', '--provision_endpoint=localhost:40001']],
    [
      "Beam's documentation",
      [
        '--id=1-1',
        '--logging_endpoint=host:1',
        '--artifact_endpoint=host:2',
        '--provision_endpoint=host:3',
        '--control_endpoint=host:4',
        '--semi_persist_dir=/var/opt',
      ],
    ],
    ['another order', ['--provision_endpoint=[::1]:3', '--id=1']],
    ['a value apart', ['--id', '1', '--provision_endpoint', 'host:3']],
  ] as const;
  for (const [who, args] of engines) {
    it(`start a worker as ${who} gives them`, () => {
      expect(containerCommand(args)).to.deep.equal(['worker', ...args]);
    });
  }

  const commands = [
    ['no arguments', []],
    ['help', ['--help']],
    ['a version', ['--version']],
    ['a job', ['run', 'flowsieve.yaml', '--streaming']],
    ['a worker by its name', ['worker', '--id=1', '--provision_endpoint=host:3']],
    ['a word like a flag', ['id']],
    ['a longer flag', ['--identity=1']],
  ] as const;
  for (const [what, args] of commands) {
    it(`are a command line: ${what}`, () => {
      expect(containerCommand(args)).to.deep.equal(args);
    });
  }
});

describe('the first process of a container', () => {
  class StandIn extends EventEmitter {
    readonly exits: number[] = [];
    exit(code: number): void {
      this.exits.push(code);
    }
  }

  it('ends at a signal that no command handles, as the kernel would end it', () => {
    const target = new StandIn();
    endOnSignals(target);
    target.emit('SIGTERM', 'SIGTERM');
    target.emit('SIGINT', 'SIGINT');
    expect(target.exits).to.deep.equal([143, 130]);
  });

  it('leaves it to a command that handles the signal', () => {
    const target = new StandIn();
    endOnSignals(target);
    let stopping = false;
    target.on('SIGTERM', () => (stopping = true));
    target.emit('SIGTERM', 'SIGTERM');
    expect(target.exits).to.deep.equal([]);
    expect(stopping).to.equal(true);
  });
});
