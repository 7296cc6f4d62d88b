/**
 * Prefixes by country: a folder with one file a country (`ir.txt`, `IR.zone`, `ir-ipv4.txt`) or one
 * folder a country (`ir/ipv4-aggregated.txt`), lines as in `address-list`.
 */
import { readAddressLines } from './address-list.js';
import type { FeedReader } from './feed-reader.js';
import { FeedError } from './feed-reader.js';

const LIST = /\.(?:txt|zone|cidr|list|netset)(?:\.gz)?$/i;
const STEM = /^([a-z]{2})(?:[-_.].*)?$/i;

/** Country of a file by its own name, else by its folder's; undefined = not a country's file. */
export function countryOfPath(path: string): string | undefined {
  const parts = path.split(/[\\/]/);
  const name = parts.at(-1) ?? '';
  if (!LIST.test(name)) return undefined;
  const own = STEM.exec(name.replace(LIST, ''));
  const folder = /^[a-z]{2}$/i.exec(parts.at(-2) ?? '');
  return (own?.[1] ?? folder?.[0])?.toUpperCase();
}

export const countryPrefixes: FeedReader = {
  kinds: ['countries'],

  takes: (path) => countryOfPath(path) !== undefined,

  async read(file, _options, sink): Promise<void> {
    const country = countryOfPath(file.path);
    if (country === undefined) {
      throw new FeedError(
        `${file.path}: neither file nor folder is named by a two-letter country code`,
      );
    }
    await readAddressLines(file.bytes, sink, (entry) => {
      entry.country = country;
    });
  },
};
