import { z } from 'zod';
import { ConfigurationError } from '../config/configuration-error.js';
import type { Problem } from '../config/problem.js';
import { readLines } from '../findings-file.js';
import type { Label } from '../generate/label.js';

const LABEL = z.object({
  expect: z.enum(['finding', 'suppressed', 'nothing']),
  scenario: z.string(),
  filter: z.string(),
  customer: z.string(),
  customerAddress: z.string().nullable(),
  remoteAddress: z.string().nullable(),
  service: z.string(),
  indicator: z.string(),
  day: z.iso.date(),
  subject: z.string().exactOptional(),
  oneOf: z.string().exactOptional(),
});

/** Wrong lines beyond these are not read: the file is something else. */
const MAX_PROBLEMS = 20;

/** Labels as `generate` writes them into labels.ndjson. Throws a ConfigurationError where a line is none. */
export async function readLabels(path: string): Promise<readonly Label[]> {
  const labels: Label[] = [];
  const problems: Problem[] = [];
  for await (const { number, text } of readLines(path)) {
    const label = LABEL.safeParse(jsonOf(text));
    if (label.success) {
      labels.push(label.data);
      continue;
    }
    const { path: field, message } = label.error.issues[0];
    const place = `${path}:${number}`;
    problems.push({ place, path: field.join('.'), message: `expected a label: ${message}` });
    if (problems.length === MAX_PROBLEMS) break;
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
  if (labels.length === 0) {
    throw new ConfigurationError([{ place: path, path: '', message: 'expected labels, got none' }]);
  }
  return labels;
}

function jsonOf(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
