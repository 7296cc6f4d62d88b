/** `node dist/image/prune.js FROM TO`: see prune-tree.ts. The Dockerfile calls it. */
import { resolve } from 'node:path';
import { pruneTree, type TreeSize } from './prune-tree.js';

const [from, to] = process.argv.slice(2);
const { installed, kept, program, packages } = await pruneTree(resolve(from), resolve(to));
process.stdout.write(
  `node_modules: ${text(installed)} installed, ${text(kept)} of ${packages.length} packages kept; ` +
    `program: ${text(program)}\n`,
);

function text({ files, bytes }: TreeSize): string {
  return `${(bytes / 1e6).toFixed(1)} MB in ${files.toLocaleString('en-US')} files`;
}
