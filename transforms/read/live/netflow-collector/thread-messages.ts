import type { Delivery } from '../../../../beam/source.js';

/** What the collector's thread says; each delivery is answered by `room` once there is some for the next. */
export type FromThread =
  | { readonly kind: 'delivery'; readonly delivery: Omit<Delivery, 'committed'> }
  | { readonly kind: 'count'; readonly name: string; readonly by: number }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly message: string; readonly cause: string | undefined };

export type ToThread = { readonly kind: 'room' } | { readonly kind: 'stop' };
