/** Flattening, with the types that the SDK's `P` and `flatten` lose. */
import type { PCollection } from 'apache-beam';
import { P } from 'apache-beam/pvalue';
import { flatten } from 'apache-beam/transforms/flatten';
import { withName } from 'apache-beam/transforms/transform';

/** The elements of several collections (at least one) as those of one. */
export function together<T>(name: string, collections: readonly PCollection<T>[]): PCollection<T> {
  return P(collections as never).apply(
    withName(name, flatten()) as never,
  ) as unknown as PCollection<T>;
}
