import { copyFile, lstat, mkdir, readdir } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { nodeFileTrace } from '@vercel/nft';
import { DEVELOPMENT, DROPPED, LEGAL } from './prune-list.js';

/** Regular files: how many, and their bytes. */
export interface TreeSize {
  readonly files: number;
  readonly bytes: number;
}

export interface Pruned {
  /** node_modules as installed. */
  readonly installed: TreeSize;
  /** node_modules as copied. */
  readonly kept: TreeSize;
  /** The program's own files. */
  readonly program: TreeSize;
  /** Packages of which something is kept, `node_modules/a/node_modules/b`, in order. */
  readonly packages: readonly string[];
}

/**
 * Copies a built program with those files of its dependencies that it can load, and no others.
 * `from` has `package.json`, `dist` and `node_modules`; `to` is made, or must be empty.
 *
 * Every file of `dist` but tests, benches and this is an entry; from there the trace follows
 * `import`, `require`, `import()` and files that are named by constants, so what is loaded late
 * counts too. Licences and package.json of the packages stay. Throws where the program imports
 * what is not installed in `from`, or what lies outside it.
 */
export async function pruneTree(from: string, to: string): Promise<Pruned> {
  const entries = (await filesBelow(join(from, 'dist'))).filter(
    (path) => path.endsWith('.js') && !DEVELOPMENT.includes(path.split(sep)[0]),
  );
  if (entries.length === 0) throw new Error(`${from}: dist has no program`);
  const { fileList, warnings } = await nodeFileTrace(
    entries.map((path) => join(from, 'dist', path)),
    { base: from, processCwd: from },
  );
  // A dependency may well try to load what is optional for it; the program has nothing optional.
  const missing = [...warnings].find(
    ({ message }) => message.includes('resolve') && message.includes(join(from, 'dist') + sep),
  );
  if (missing !== undefined) throw new Error(missing.message);
  const outside = [...fileList].find((path) => !/^(dist|node_modules|package\.json)/.test(path));
  if (outside !== undefined) throw new Error(`the program loads ${outside}, outside ${from}`);

  const files = [...fileList].filter((path) => !DROPPED.some((drop) => drop.files.test(path)));
  const ofPackages = files.filter((path) => path.startsWith('node_modules'));
  const packages = [...new Set(ofPackages.map(packageOf))].sort();
  const legal = (await Promise.all(packages.map((each) => legalFiles(from, each)))).flat();
  const program = new Set(files.filter((path) => !path.startsWith('node_modules')));
  for (const name of ['package.json', 'LICENSE']) program.add(name);
  return {
    installed: await sizeOf(
      from,
      (await filesBelow(join(from, 'node_modules'))).map((path) => join('node_modules', path)),
    ),
    kept: await copyAll(from, to, new Set([...ofPackages, ...legal])),
    program: await copyAll(from, to, program),
    packages,
  };
}

/** `node_modules/a/node_modules/@b/c` of a file in it. */
function packageOf(path: string): string {
  const match = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path.split(sep).join('/'));
  if (match === null) throw new Error(`${path} lies in no package`);
  return match[0];
}

async function legalFiles(from: string, folder: string): Promise<string[]> {
  const names = await readdir(join(from, folder), { withFileTypes: true });
  return names
    .filter((entry) => entry.isFile() && (entry.name === 'package.json' || LEGAL.test(entry.name)))
    .map(({ name }) => `${folder}/${name}`);
}

/** Regular files below a folder, relative to it. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

async function copyAll(from: string, to: string, paths: ReadonlySet<string>): Promise<TreeSize> {
  const folders = new Set([...paths].map((path) => dirname(join(to, path))));
  for (const folder of folders) await mkdir(folder, { recursive: true });
  const files: string[] = [];
  for (const path of paths) {
    // The trace names folders too where a link or a package is one.
    if ((await lstat(join(from, path))).isDirectory()) continue;
    await copyFile(join(from, path), join(to, path));
    files.push(path);
  }
  return sizeOf(from, files);
}

async function sizeOf(from: string, paths: readonly string[]): Promise<TreeSize> {
  let bytes = 0;
  for (const path of paths) bytes += (await lstat(join(from, path))).size;
  return { files: paths.length, bytes };
}
