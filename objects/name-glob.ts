import picomatch from 'picomatch';
import { isDynamicPattern } from 'tinyglobby';

/** Up to here a pattern can only mean itself. */
const SPECIAL = /[\\*?[\](){}!+@|]/;

/** A glob over names of objects. */
export interface NameGlob {
  /** All names that match begin with it: the longest part that is fixed. */
  readonly prefix: string;
  readonly matches: (name: string) => boolean;
}

/**
 * The glob as tinyglobby has it for files: `*` stays within a folder, `**` does not, names that begin
 * with a dot are named by a dot only, and what matches a folder matches all in it.
 */
export function nameGlob(pattern: string): NameGlob {
  const all = pattern.endsWith('*') ? pattern : `${pattern}/**`;
  // Below a root, as files are: at the very beginning `!` would turn the whole pattern round.
  const matches = picomatch(`/${all}`, { dot: false, posix: true });
  const special = pattern.search(SPECIAL);
  return {
    prefix: special < 0 ? pattern : pattern.slice(0, special),
    // A name that ends in a slash is a folder that some programs show as an object.
    matches: (name) => !name.endsWith('/') && matches(`/${name}`),
  };
}

/** Whether a name is to be looked for as a glob, where there is no object of just that name. */
export function isGlob(name: string): boolean {
  return isDynamicPattern(name);
}
