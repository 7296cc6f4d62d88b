import { formatProblem, type Problem } from './config/problem.js';
import { printable, quoted } from './terminal-text.js';

/** Problems beyond these are counted, not printed: who mistyped a list of 10,000 has seen enough. */
const MAX_PROBLEMS = 50;

/** Writes a line for people to standard error. */
export function printLine(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Writes what went wrong to standard error; lines stay lines, other control characters are escaped. */
export function printError(message: string): void {
  printLine(`flowsieve: ${message.split('\n').map(printable).join('\n')}`);
}

/** Writes everything that is wrong with a configuration to standard error. */
export function printProblems(problems: readonly Problem[]): void {
  for (const problem of problems.slice(0, MAX_PROBLEMS)) printLine(formatProblem(problem));
  const more = problems.length - MAX_PROBLEMS;
  if (more > 0) printLine(`... and ${more} more`);
  printLine(
    `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}; nothing was run`,
  );
}

/** Writes why a command failed to standard error: a line a cause, or all stacks with FLOWSIEVE_DEBUG=1. */
export function printFailure(error: unknown): void {
  if (process.env['FLOWSIEVE_DEBUG'] === '1' && error instanceof Error) {
    printLine(stacks(error));
    return;
  }
  const [first, ...causes] = messagesOf(error);
  printError(`failed: ${first}`);
  for (const cause of causes) printLine(`  because ${printable(cause)}`);
}

const MAX_CAUSES = 5;

function messagesOf(error: unknown): string[] {
  const messages: string[] = [];
  let at = error;
  while (at !== undefined && messages.length < MAX_CAUSES) {
    const message = at instanceof Error ? at.message || at.name : quoted(at);
    // Whoever wraps an error often repeats it.
    if (!messages.some((text) => text.includes(message))) messages.push(message);
    at = at instanceof Error ? at.cause : undefined;
  }
  return messages;
}

function stacks(error: Error): string {
  const stack = error.stack ?? error.message;
  return error.cause instanceof Error ? `${stack}\ncaused by ${stacks(error.cause)}` : stack;
}
