import '../../beam/fn.js';
import { expect } from 'chai';
import { jsonCoder } from '../../beam/coders.js';
import { applyFn, registerFn } from '../../beam/fn.js';
import { stableInput } from '../../beam/stable-input.js';
import type { PCollection } from 'apache-beam';
import { LocalRunner } from '../../launch/local/local-runner.js';
import { StreamingRunner } from '../../launch/local/streaming/streaming-runner.js';
import { MemoryStore } from '../local/streaming/memory-store.js';
import { create, runGraph } from './run-graph.js';
import { TestStream } from './test-stream.js';

interface Value {
  readonly id: string;
  readonly n: number;
}

let store = new MemoryStore();
let told: string[] = [];
let failing = false;

registerFn<null, Value>('test/tell-stored', (_params, context) => ({
  process({ id, n }): void {
    if (failing) throw new Error('the sink failed');
    told.push(`${id}${n} after ${store.commits}`);
    context.emit('out', null);
  },
}));

function tell(values: PCollection<Value>): void {
  applyFn(stableInput(values, 'stable'), {
    name: 'tell',
    fn: 'test/tell-stored',
    params: null,
    outputs: { out: jsonCoder },
  });
}

async function stream(): Promise<void> {
  const runner = new StreamingRunner({
    store,
    watermark: { disorderMs: 0, idleMs: Infinity },
  });
  await runner.run((root) => {
    const events = new TestStream<Value>(jsonCoder as never);
    const values = events
      .elements([{ id: 'a', n: 1 }, 0], [{ id: 'a', n: 2 }, 0])
      .elements([{ id: 'a', n: 3 }, 0])
      .end()
      .apply(root);
    tell(values);
  });
}

describe('stable input', () => {
  beforeEach(() => {
    store = new MemoryStore();
    told = [];
    failing = false;
  });

  it('hands on what is stored, once and in order', async () => {
    await stream();
    expect(told).to.deep.equal(['a1 after 1', 'a2 after 1', 'a3 after 2']);
    expect(store.keys.filter((key) => key.startsWith('v/'))).to.deep.equal([]);
  });

  it('hands the same on again where what comes after it failed', async () => {
    failing = true;
    const failure = await stream().catch((error: unknown) => (error as Error).message);
    expect(failure).to.equal('the sink failed');
    failing = false;
    await stream();
    // A test stream says all of it again; what was stored before comes first.
    expect(told.slice(0, 2).map((text) => text.split(' ')[0])).to.deep.equal(['a1', 'a2']);
  });

  it('passes everything in batch', async () => {
    await runGraph(new LocalRunner(), (start) => {
      const values = create(start, 'values', [
        { id: 'b', n: 1 },
        { id: 'c', n: 2 },
      ]);
      tell(values);
    });
    expect(told.map((text) => text.split(' ')[0]).sort()).to.deep.equal(['b1', 'c2']);
  });
});
