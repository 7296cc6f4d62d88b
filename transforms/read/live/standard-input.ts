import type { Readable } from 'node:stream';
import { registerSource, type Intake, type LiveSource } from '../../../beam/source.js';
import type { InputSpec } from '../../../pipeline/chunk.js';
import { streamChunks } from '../stream-chunks.js';
import { rejectTo } from './reject-to.js';
import { Stopping } from './stopping.js';

/** Name of the source in the graph. */
export const STANDARD_INPUT_SOURCE = 'flowsieve/stdin';

export interface StandardInputParams {
  readonly input: InputSpec;
}

/**
 * Standard input: lines or binary, compressed or not, to its end.
 *
 * Each record is delivered as it comes; while the job has no room nothing is read, so the pipe's
 * writer waits. What was read cannot be read again: it has no checkpoint, and a crash loses what was
 * not committed. A delivery's time is its arrival: the records' own times are known once decoded.
 */
export class StandardInput implements LiveSource {
  readonly #input: InputSpec;
  readonly #stream: Readable;
  readonly #stopping = new Stopping();

  constructor({ input }: StandardInputParams, stream: Readable = process.stdin) {
    this.#input = input;
    this.#stream = stream;
  }

  async run(intake: Intake): Promise<void> {
    const stopping = this.#stopping;
    const input = this.#input;
    try {
      const chunks = streamChunks(input, input.uri, this.#stream, (reject) => {
        rejectTo(intake, reject);
      });
      for await (const chunk of chunks) {
        if (stopping.stopped) return;
        const arrivedMs = Date.now();
        intake.count('bytes-read', chunk.bytes.length);
        const delivery = {
          value: { ...chunk, arrivedMs },
          timestampMs: arrivedMs,
          bytes: chunk.bytes.length + chunk.preamble.length,
        };
        if (!(await stopping.before(intake.deliver(delivery)))) return;
      }
    } catch (error) {
      // A stream that `stop` closed says that it ended too early.
      if (!stopping.stopped) throw error;
    }
  }

  stop(): void {
    this.#stopping.stop();
    this.#stream.destroy();
  }
}

registerSource<StandardInputParams>(STANDARD_INPUT_SOURCE, (params) => new StandardInput(params));
