import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A directory of its own for each test, made before it and removed after it. */
export class TemporaryFiles {
  #directory = '';

  /** To be called inside `describe`. */
  constructor() {
    beforeEach(() => {
      this.#directory = mkdtempSync(join(tmpdir(), 'flowsieve-test-'));
    });
    afterEach(() => rmSync(this.#directory, { recursive: true, force: true }));
  }

  get directory(): string {
    return this.#directory;
  }

  path(name: string): string {
    return join(this.#directory, name);
  }

  /** Writes a file, folders included, and gives its path. */
  write(name: string, content: string | Uint8Array): string {
    const path = this.path(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  }
}
