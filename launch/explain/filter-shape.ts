import { filterById, type Filter } from '../../filters/filters.js';

/** What a filter judges; undefined for a filter that this version does not have. */
export function shapeOf(filter: string): Filter['shape'] | undefined {
  try {
    return filterById(filter).shape;
  } catch {
    return undefined;
  }
}
