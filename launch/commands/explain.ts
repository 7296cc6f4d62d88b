import { EXIT } from '../exit-code.js';
import { unreadable } from '../config/yaml-file.js';
import { explainFinding } from '../explain/explain-finding.js';
import {
  findFinding,
  idDigits,
  MIN_ID_DIGITS,
  type Malformed,
  type Search,
} from '../explain/find-finding.js';
import { printError } from '../messages.js';

/**
 * `flowsieve explain FINDINGS ID`: one finding in plain words on standard output. Gives the exit
 * code: 2 where what was asked for is not there or not clear.
 */
export async function explainCommand(path: string, id: string): Promise<number> {
  const digits = idDigits(id);
  if (!/^[0-9a-f]+$/.test(digits) || digits.length < MIN_ID_DIGITS) {
    printError(
      `expected an id, or at least ${MIN_ID_DIGITS} of its first digits (0-9, a-f), got ${JSON.stringify(id)}`,
    );
    return EXIT.configuration;
  }
  let search: Search;
  try {
    search = await findFinding(path, id);
  } catch (error) {
    printError(`${(error as NodeJS.ErrnoException).path ?? path}: ${unreadable(error)}`);
    return EXIT.configuration;
  }
  if (search.malformed.lines > 0) printError(malformedSentence(search.malformed));
  switch (search.found) {
    case 'one':
      process.stdout.write(`${explainFinding(search.finding, search.withdrawal)}\n`);
      return EXIT.ran;
    case 'none':
      printError(
        `${path}: none of its ${search.findings} findings has an id that begins with ${id}`,
      );
      return EXIT.configuration;
    case 'several':
      printError(
        `${path}: several findings have an id that begins with ${id}:\n  ${search.ids.join('\n  ')}`,
      );
      return EXIT.configuration;
  }
}

function malformedSentence({ lines, first }: Malformed): string {
  const sentence = `${first} is not a finding and was passed over`;
  return lines === 1 ? sentence : `${sentence}, as were ${lines - 1} more`;
}
