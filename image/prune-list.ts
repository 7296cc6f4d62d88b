/** What the trace of `prune-tree.ts` takes in and nothing ever loads; each with the reason. */
export const DROPPED: readonly { readonly files: RegExp; readonly reason: string }[] = [
  { files: /\.d\.[cm]?ts$/, reason: 'types, which only the compiler reads' },
  { files: /\.map$/, reason: 'source maps of the build: what is started does not ask for them' },
  { files: /\.py$/, reason: 'build scripts of a dependency' },
  { files: /\.flow$/, reason: 'types for another checker' },
];

/** Folders of `dist` that are no part of the program. */
export const DEVELOPMENT: readonly string[] = ['bench', 'image', 'test'];

/** Files of a package that stay whatever the trace says: who passes software on passes these on. */
export const LEGAL = /^(licen[cs]e|copying|notice|patents)/i;
