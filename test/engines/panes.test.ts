import '../../beam/fn.js';
import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { PortableRunner } from '../../launch/portable/portable-runner.js';
import { TemporaryFiles } from '../launch/temporary-files.js';
import { TRIGGER_TABLE } from '../local/streaming/trigger-table.js';
import type { Engine } from './engine.js';
import { ENGINES, opened } from './engines.js';
import { tell } from './matrix-table.js';
import { MODULES, tellPanes } from './steps.js';

/**
 * What is known to differ. Windows hold the same in the end everywhere; these cases are not compared
 * pane by pane.
 */
const DIFFERENT_PANES: Readonly<Partial<Record<string, readonly string[]>>> = {
  // Its panes after the end of the window are called EARLY and ON_TIME again.
  prism: ['early, on time, late: panes accumulate'],
};

/** Engines that tell an accumulating window once more when it closes, whatever its closing behavior. */
const ALWAYS_CLOSE: readonly string[] = ['prism'];

describe('panes of test streams on engines', () => {
  for (const installed of ENGINES) {
    describe(installed.name, () => {
      let engine: Engine;
      let endpoint: string;
      const files = new TemporaryFiles();

      before(async function () {
        engine = opened(this, installed);
        if (!engine.testStream) this.skip();
        endpoint = await engine.start();
      });

      after(async () => {
        await engine.stop();
      });

      for (const [at, { name, stream, firing, panes }] of TRIGGER_TABLE.entries()) {
        it(name, async () => {
          const path = files.path(`panes-${at}`);
          const runner = new PortableRunner({
            endpoint,
            workers: { kind: 'here' },
            jobName: `panes-${at}`,
            modules: MODULES,
            ...engine.options,
          });
          await runner.run((root) => {
            tellPanes(stream.apply(root), firing, path);
          });
          const seen = existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : [];
          const accumulating = firing?.accumulating ?? true;
          const closes = ALWAYS_CLOSE.includes(installed.name) && firing?.closing !== 'always';
          const told = [seen, panes].map((each) => inOrder(closes ? unclosed(each) : each));
          const same = told[0].join() === told[1].join();
          tell(name, installed.name, { in: panes.length, kept: '', out: seen.join(' | ') }, same);
          expect(contents(seen, accumulating)).to.deep.equal(contents(panes, accumulating));
          if (!(DIFFERENT_PANES[installed.name] ?? []).includes(name)) {
            expect(told[0]).to.deep.equal(told[1]);
          }
        });
      }
    });
  }
});

/** By window and index: bundles of several windows run at once. */
function inOrder(panes: readonly string[]): string[] {
  return [...panes].sort((a, b) => {
    const [[windowA, , , indexA], [windowB, , , indexB]] = [a.split(' '), b.split(' ')];
    return windowA === windowB ? Number(indexA) - Number(indexB) : windowA < windowB ? -1 : 1;
  });
}

/** Without panes that only close a window, and without saying which is the last. */
function unclosed(panes: readonly string[]): string[] {
  const ordered = inOrder(panes);
  const said = (pane: string): string => pane.split(' ', 2).join(' ');
  return ordered
    .filter((pane, at) => {
      const isClosing = / LATE [0-9]+ last$/.test(pane) && at > 0;
      return !isClosing || said(ordered[at - 1]) !== said(pane);
    })
    .map((pane) => pane.replace(/ last$/, ''));
}

/** What each window held in the end: its last pane, or all of them where they discard. */
function contents(panes: readonly string[], accumulating: boolean): Record<string, string> {
  const held: Record<string, string> = {};
  for (const pane of inOrder(panes)) {
    const [window, texts] = pane.split(' ');
    const before = accumulating ? '' : (held[window] ?? '');
    held[window] = (before + texts).split('').sort().join('');
  }
  return held;
}
