/** A place in Google Cloud Storage, as settings write it: `gs://bucket/some/prefix`. */

const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i;

/** Buckets have 3 to 63 characters, with dots up to 222. */
const BUCKET = /^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/;

/** Parts of a prefix: no control characters, and none that tools of the command line take for another place. */
const BAD_PART = /^$|^\.{1,2}$|[\u0000-\u001f\u007f#?*[\]\\]/;

/** An object's name may have 1024 bytes; the file's own name needs some of them. */
const MOST_PREFIX_BYTES = 960;

export interface GcsPlace {
  readonly bucket: string;
  /** '' or a path that ends in a slash: what names of objects begin with. */
  readonly prefix: string;
}

/** Whether `text` names a scheme, `gs://` or another: then it is no path of this machine. */
export function hasScheme(text: string): boolean {
  return SCHEME.test(text);
}

/** Reads a URI; undefined where it is no place in Cloud Storage. */
export function parseGcsUri(uri: string): GcsPlace | undefined {
  const rest = /^gs:\/\/(.*)$/s.exec(uri)?.[1];
  if (rest === undefined) return undefined;
  const [bucket, ...parts] = rest.replace(/\/$/, '').split('/');
  if (!BUCKET.test(bucket) || parts.some((part) => BAD_PART.test(part))) return undefined;
  const prefix = parts.map((part) => `${part}/`).join('');
  return Buffer.byteLength(prefix) > MOST_PREFIX_BYTES ? undefined : { bucket, prefix };
}
