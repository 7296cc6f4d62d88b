import { prepareSide, type FnContext } from '../beam/fn.js';
import { openSnapshot, type ManifestRef } from '../reference/snapshot.js';
import type { Reference } from '../reference/reference.js';
import { bringSnapshot } from './objects/bring-snapshot.js';

/** Name of the side input that every join reads. */
export const REFERENCE_SIDE = 'reference';

/** The tables that the reference side input names; opened once a process, shared by all bundles. */
export function referenceOf(context: FnContext): Reference {
  const [snapshot] = context.side(REFERENCE_SIDE) as readonly ManifestRef[];
  return openSnapshot(snapshot);
}

prepareSide(REFERENCE_SIDE, async (values) =>
  Promise.all((values as readonly ManifestRef[]).map(bringSnapshot)),
);
