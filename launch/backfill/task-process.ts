/** A process that runs one task after the other for the backfill that forked it. */
import { runTask } from './run-task.js';
import type { Answer, Task } from './task.js';

const PROGRESS_EVERY_MS = 500;
const MAX_CAUSES = 5;

// Whoever asked is gone, however it went: what is written here is nobody's.
process.on('disconnect', () => process.exit(1));
// Ctrl-C reaches all processes of a terminal; the one that asked decides.
process.on('SIGINT', () => undefined);

process.on('message', (task: Task) => {
  void answer(task);
});

async function answer(task: Task): Promise<void> {
  let last = performance.now();
  try {
    const counters = await runTask(task, ({ bytesRead, records }) => {
      const now = performance.now();
      if (now - last < PROGRESS_EVERY_MS) return;
      last = now;
      tell({ kind: 'progress', bytesRead, records });
    });
    tell({ kind: 'done', counters });
  } catch (error) {
    tell({ kind: 'failed', message: messageOf(error) });
  }
}

function tell(said: Answer): void {
  process.send?.(said);
}

/** The error with its causes, in one line. */
function messageOf(error: unknown): string {
  const messages: string[] = [];
  let at = error;
  while (at instanceof Error && messages.length < MAX_CAUSES) {
    messages.push(at.message === '' ? at.name : at.message);
    at = at.cause;
  }
  return messages.length === 0 ? String(error) : messages.join(': ');
}
