import { z } from 'zod';

const TIME = z.union([z.iso.datetime({ offset: true }), z.iso.date()]);

/** Ms since 1970 UTC of a day (its beginning, UTC), or of a time that names its zone; undefined if it is none. */
export function timeOf(text: string): number | undefined {
  return TIME.safeParse(text).success ? Date.parse(text) : undefined;
}
