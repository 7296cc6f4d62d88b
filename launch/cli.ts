#!/usr/bin/env node
import { runCommandLine } from './command-line.js';

// A reader that went away (`flowsieve explain ... | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await runCommandLine(process.argv.slice(2));
