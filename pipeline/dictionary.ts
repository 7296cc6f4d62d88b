/** Dictionaries of batches: lists of names that a column holds indexes into. */

/** A growing dictionary. */
export class Names {
  readonly list: string[] = [];
  readonly #index = new Map<string, number>();

  indexOf(name: string): number {
    let index = this.#index.get(name);
    if (index === undefined) {
      index = this.list.push(name) - 1;
      this.#index.set(name, index);
    }
    return index;
  }
}

/**
 * One dictionary for several, and each one's indexes into it. Where all are the same array there is
 * nothing to map, which is how customers' come within a process.
 */
export function uniteDictionaries(dictionaries: readonly (readonly string[])[]): {
  readonly names: readonly string[];
  /** undefined = as they are. */
  readonly remaps: readonly Uint32Array[] | undefined;
} {
  const [first] = dictionaries;
  if (dictionaries.every((dictionary) => dictionary === first)) {
    return { names: first, remaps: undefined };
  }
  const united = new Names();
  const remaps = dictionaries.map((dictionary) =>
    Uint32Array.from(dictionary, (name) => united.indexOf(name)),
  );
  return { names: united.list, remaps };
}

/** The names that `indexes` uses, in order of first use; rewrites `indexes` to point into them. */
export function cutDictionary(indexes: Uint32Array, names: readonly string[]): readonly string[] {
  const used = new Map<number, number>();
  for (let i = 0; i < indexes.length; i++) {
    let at = used.get(indexes[i]);
    if (at === undefined) {
      at = used.size;
      used.set(indexes[i], at);
    }
    indexes[i] = at;
  }
  return [...used.keys()].map((index) => names[index]);
}
