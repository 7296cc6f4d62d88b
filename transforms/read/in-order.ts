/**
 * `work` on the items, on at most `most` of them at once; gives the results in the order of the items
 * and takes no item before there is room for it.
 */
export async function* inOrder<Item, Result>(
  items: AsyncIterable<Item> | Iterable<Item>,
  most: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result, void, undefined> {
  const begun: Promise<Result>[] = [];
  for await (const item of items) {
    const result = work(item);
    // It is told when its turn comes.
    result.catch(() => undefined);
    begun.push(result);
    const first = begun.length === most ? begun.shift() : undefined;
    if (first !== undefined) yield await first;
  }
  for (const result of begun) yield await result;
}
