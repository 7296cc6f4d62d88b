import { join } from 'node:path';
import { parseGcsUri } from '../history/gcs-uri.js';
import { isGcs } from '../objects/object-uri.js';

/** Path, or `gs://bucket/name`, of a file in the output of a run: a directory or `gs://bucket/prefix`. */
export function outputFile(output: string, name: string): string {
  const place = isGcs(output) ? parseGcsUri(output) : undefined;
  return place === undefined ? join(output, name) : `gs://${place.bucket}/${place.prefix}${name}`;
}
