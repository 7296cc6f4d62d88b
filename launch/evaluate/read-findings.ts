import { z } from 'zod';
import { CONFIDENCES, SEVERITIES } from '../../pipeline/finding.js';
import { findingsPath, readLines } from '../findings-file.js';

const JUDGED_FINDING = z.object({
  id: z.string(),
  revision: z.number(),
  filter: z.string(),
  severity: z.enum(SEVERITIES),
  confidence: z.enum(CONFIDENCES),
  summary: z.string(),
  customer: z.string(),
  subject: z.string(),
  customerAddress: z.string().nullable(),
  remoteAddress: z.string().nullable(),
  service: z.string(),
  indicator: z.string(),
  windowStart: z.iso.datetime(),
});

/** What an evaluation reads of a finding. */
export type JudgedFinding = Readonly<z.infer<typeof JUDGED_FINDING>>;

/**
 * Findings of a findings.ndjson, or of the output directory of a run, by id: of several revisions
 * the highest. Throws where a line is no finding: a measure of a part of them would be wrong.
 */
export async function readFindings(path: string): Promise<ReadonlyMap<string, JudgedFinding>> {
  const file = await findingsPath(path);
  const findings = new Map<string, JudgedFinding>();
  for await (const { number, text } of readLines(file)) {
    const finding = parsed(text);
    if (finding === undefined) throw new Error(`${file}:${number}: expected a finding`);
    const known = findings.get(finding.id);
    if (known === undefined || finding.revision >= known.revision)
      findings.set(finding.id, finding);
  }
  return findings;
}

function parsed(text: string | undefined): JudgedFinding | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return JUDGED_FINDING.safeParse(value).data;
  } catch {
    return undefined;
  }
}
