/** Objects of Google Cloud Storage by URI: `gs://bucket/some/name`, or a glob over names. */

/** Whether `text` names a scheme, `gs://` or another: then it is no path of this machine. */
export function hasScheme(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
}

/** Whether `text` is of Cloud Storage, well formed or not. */
export function isGcs(text: string): boolean {
  return /^gs:\/\//i.test(text);
}

/** Buckets have 3 to 63 characters, with dots up to 222. */
export const BUCKET_NAME = /^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/;

/** The name of an object may have so many bytes of UTF-8. */
export const MOST_NAME_BYTES = 1024;

const CONTROL = /[\u0000-\u001f\u007f]/;

export interface ObjectPlace {
  readonly bucket: string;
  /** A name, or a glob over names. */
  readonly name: string;
}

/**
 * Reads `gs://bucket/name`; undefined where it is none: no bucket, no name, or one that ends in a
 * slash and so stands for a folder.
 */
export function parseObjectUri(uri: string): ObjectPlace | undefined {
  const [, bucket = '', name = ''] = /^gs:\/\/([^/]*)\/(.+)$/is.exec(uri) ?? [];
  if (!BUCKET_NAME.test(bucket) || name.endsWith('/') || CONTROL.test(name)) return undefined;
  return Buffer.byteLength(name) > MOST_NAME_BYTES ? undefined : { bucket, name };
}

/** The URI of an object. */
export function objectUri({ bucket, name }: ObjectPlace): string {
  return `gs://${bucket}/${name}`;
}

/** What `objectUri` made a URI of. */
export function placeOf(uri: string): ObjectPlace {
  const slash = uri.indexOf('/', 'gs://'.length);
  return { bucket: uri.slice('gs://'.length, slash), name: uri.slice(slash + 1) };
}
