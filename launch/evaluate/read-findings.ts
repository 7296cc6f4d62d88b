import { z } from 'zod';
import { CONFIDENCES, SEVERITIES } from '../../pipeline/finding.js';
import { readFinalSet } from '../findings-file.js';

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
 * The final set of findings at `path`, a file or the output directory of a run, by id. Throws where
 * a line is no finding: a measure of a part of them would be wrong.
 */
export function readFindings(path: string): Promise<ReadonlyMap<string, JudgedFinding>> {
  return readFinalSet(path, (value) => JUDGED_FINDING.safeParse(value).data);
}
