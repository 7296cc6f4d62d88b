#!/usr/bin/env node
/**
 * What the image starts: a worker where an engine calls, else a command line of flowsieve.
 */
import { containerCommand } from './container/container-command.js';
import { endOnSignals } from './container/end-on-signals.js';

// The kernel ignores a signal that the first process of a container does not handle. `generate` is
// one long loop that hears nothing before it ends; everything else gives way many times a second.
if (process.pid === 1) endOnSignals(process);
process.argv.splice(2, process.argv.length, ...containerCommand(process.argv.slice(2)));
await import('./cli.js');
