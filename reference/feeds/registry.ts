/** Feed formats by the name that the configuration uses. */
import { addressList } from './address-list.js';
import { countryPrefixes } from './country-prefixes.js';
import { csv } from './csv.js';
import type { FeedReader } from './feed-reader.js';
import { ndjson } from './ndjson.js';

export const FEED_READERS: ReadonlyMap<string, FeedReader> = new Map([
  ['address-list', addressList],
  ['country-prefixes', countryPrefixes],
  ['csv', csv],
  ['ndjson', ndjson],
]);
