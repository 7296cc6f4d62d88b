import { z } from 'zod';
import { ConfigurationError } from '../config/configuration-error.js';
import type { Problem } from '../config/problem.js';
import { MAX_LINE_BYTES } from '../../transforms/write/stored-lines.js';
import { readLines } from '../findings-file.js';
import type { Label } from '../generate/label.js';
import { quoted } from '../terminal-text.js';

const EXPECTATIONS = ['finding', 'suppressed', 'nothing'] as const;

const TEXT = z.string({ error: 'expected text' });
const TEXT_OR_NULL = z.string({ error: 'expected text or null' }).nullable();

const LABEL = z.object(
  {
    expect: z.enum(EXPECTATIONS, { error: `expected one of ${EXPECTATIONS.join(', ')}` }),
    scenario: TEXT,
    filter: TEXT,
    customer: TEXT,
    customerAddress: TEXT_OR_NULL,
    remoteAddress: TEXT_OR_NULL,
    service: TEXT,
    indicator: TEXT,
    day: z.iso.date({ error: 'expected a day as "2025-03-03"' }),
    subject: TEXT.exactOptional(),
    oneOf: TEXT.exactOptional(),
  },
  { error: 'expected a label (a JSON object)' },
);

/** Wrong lines beyond these are not read: the file is something else. */
const MAX_PROBLEMS = 20;

/** Labels as `generate` writes them into labels.ndjson. Throws a ConfigurationError where a line is none. */
export async function readLabels(path: string): Promise<readonly Label[]> {
  const labels: Label[] = [];
  const problems: Problem[] = [];
  for await (const { number, text } of readLines(path)) {
    const label = labelOf(text);
    if (label.ok) labels.push(label.label);
    else problems.push({ place: `${path}:${number}`, ...label.problem });
    if (problems.length === MAX_PROBLEMS) break;
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
  if (labels.length === 0) {
    throw new ConfigurationError([{ place: path, path: '', message: 'expected labels, got none' }]);
  }
  return labels;
}

type Read =
  | { readonly ok: true; readonly label: Label }
  | { readonly ok: false; readonly problem: Pick<Problem, 'path' | 'message'> };

/** `text` is undefined where the line is too long. */
function labelOf(text: string | undefined): Read {
  if (text === undefined) {
    return wrong(`expected a label (a JSON object), got more than ${MAX_LINE_BYTES} bytes`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return wrong(`expected a label (a JSON object), got what is no JSON: ${quoted(text)}`);
  }
  const label = LABEL.safeParse(value);
  if (label.success) return { ok: true, label: label.data };
  const { path, message } = label.error.issues[0];
  const found = path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown>)[key], value);
  const got = found === undefined ? 'nothing' : quoted(found);
  return wrong(`${message}, got ${got}`, path.join('.'));
}

function wrong(message: string, path = ''): Read {
  return { ok: false, problem: { path, message } };
}
