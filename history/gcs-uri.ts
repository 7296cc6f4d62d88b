/** A place in Google Cloud Storage, as settings write it: `gs://bucket/some/prefix`. */

import { BUCKET_NAME } from '../objects/object-uri.js';

/** Parts of a prefix: no control characters, and none that tools of the command line take for another place. */
const BAD_PART = /^$|^\.{1,2}$|[\u0000-\u001f\u007f#?*[\]\\]/;

/** An object's name may have 1024 bytes; the file's own name needs some of them. */
const MOST_PREFIX_BYTES = 960;

export interface GcsPlace {
  readonly bucket: string;
  /** '' or a path that ends in a slash: what names of objects begin with. */
  readonly prefix: string;
}

/** Reads a URI; undefined where it is no place in Cloud Storage. */
export function parseGcsUri(uri: string): GcsPlace | undefined {
  const rest = /^gs:\/\/(.*)$/s.exec(uri)?.[1];
  if (rest === undefined) return undefined;
  const [bucket, ...parts] = rest.replace(/\/$/, '').split('/');
  if (!BUCKET_NAME.test(bucket) || parts.some((part) => BAD_PART.test(part))) return undefined;
  const prefix = parts.map((part) => `${part}/`).join('');
  return Buffer.byteLength(prefix) > MOST_PREFIX_BYTES ? undefined : { bucket, prefix };
}
