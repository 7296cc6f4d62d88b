import { expect } from 'chai';
import { PaneMemory } from '../../transforms/panes/pane-memory.js';

describe('PaneMemory', () => {
  it('knows that nothing was before the first pane', () => {
    const memory = new PaneMemory<string>();
    expect(memory.earlier('o', 0)).to.deep.equal(new Set());
  });

  it('knows what the pane before held', () => {
    const memory = new PaneMemory<string>();
    memory.remember('o', 0, false, new Set(['a']));
    expect(memory.earlier('o', 1)).to.deep.equal(new Set(['a']));
    memory.remember('o', 1, false, new Set(['a', 'b']));
    expect(memory.earlier('o', 2)).to.deep.equal(new Set(['a', 'b']));
    expect(memory.earlier('other', 2)).to.equal(undefined);
  });

  it('says that it does not know where a pane passed through another process', () => {
    const memory = new PaneMemory<string>();
    expect(memory.earlier('o', 1)).to.equal(undefined);
    memory.remember('o', 0, false, new Set(['a']));
    expect(memory.earlier('o', 2)).to.equal(undefined);
    // The same pane again, after a commit that failed.
    expect(memory.earlier('o', 0)).to.deep.equal(new Set());
    memory.remember('o', 2, false, new Set());
    expect(memory.earlier('o', 2)).to.equal(undefined);
    expect(memory.earlier('o', 3)).to.deep.equal(new Set());
  });

  it('forgets an origin after its last pane', () => {
    const memory = new PaneMemory<string>();
    memory.remember('o', 0, false, new Set(['a']));
    memory.remember('o', 1, true, new Set(['a']));
    expect(memory.earlier('o', 2)).to.equal(undefined);
    expect(memory.earlier('o', 1)).to.equal(undefined);
  });

  it('is bounded: of too many origins the one forgets itself that was touched first', () => {
    const memory = new PaneMemory<number>();
    for (let i = 0; i < 100_000; i++) memory.remember(`o${i}`, 0, false, new Set([i]));
    expect(memory.earlier('o0', 1)).to.deep.equal(new Set([0]));
    memory.remember('o0', 1, false, new Set([0]));
    memory.remember('new', 0, false, new Set([-1]));
    expect(memory.earlier('o1', 1)).to.equal(undefined);
    expect(memory.earlier('o0', 2)).to.deep.equal(new Set([0]));
    expect(memory.earlier('o2', 1)).to.deep.equal(new Set([2]));
    expect(memory.earlier('new', 1)).to.deep.equal(new Set([-1]));
  });
});
