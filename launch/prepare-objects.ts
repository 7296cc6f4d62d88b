import { parseGcsUri } from '../history/gcs-uri.js';
import { listObjects, type ObjectVersion } from '../objects/list-objects.js';
import { ObjectError, ObjectStorageError } from '../objects/object-error.js';
import { objectUri, type ObjectPlace } from '../objects/object-uri.js';
import { readObject } from '../objects/read-object.js';
import { checkWritable } from '../objects/write-object.js';
import type { Config } from './config/config.js';
import { ConfigurationError } from './config/configuration-error.js';

/**
 * Makes sure, before a long run, that the inputs in Cloud Storage are there and can be read, and that
 * an output there can be written. Throws a ConfigurationError with all that is wrong.
 */
export async function prepareObjects(config: Config): Promise<void> {
  const problems: { place: string; path: string; message: string }[] = [];
  const check = async (path: string, work: () => Promise<string | undefined>): Promise<void> => {
    const message = await work().catch((error: unknown) => {
      if (error instanceof ObjectStorageError || error instanceof ObjectError) return error.message;
      throw error;
    });
    if (message !== undefined) problems.push({ place: config.file, path, message });
  };
  for (const { location } of config.inputs) {
    if (location.kind === 'object') await check('inputs', () => inputProblem(location.place));
  }
  const output = parseGcsUri(config.output);
  if (output !== undefined) {
    await check('output', async () => {
      await checkWritable(output);
      return undefined;
    });
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
}

/** Lists up to the first object and reads its beginning: the rights to do either are two. */
async function inputProblem(place: ObjectPlace): Promise<string | undefined> {
  const first = await firstOf(place);
  if (first === undefined) return `no object matches ${objectUri(place)}`;
  for await (const _ of readObject(first, 0, { until: 1 })) break;
  return undefined;
}

async function firstOf(place: ObjectPlace): Promise<ObjectVersion | undefined> {
  for await (const object of listObjects(place)) return object;
  return undefined;
}
