import { GcsServer } from '../history/gcs-server.js';

/**
 * A stand-in for Cloud Storage for each test, which `STORAGE_EMULATOR_HOST` names, with the bucket
 * `flows` in it.
 */
export class TestBucket {
  server = new GcsServer();
  #before: string | undefined;

  constructor() {
    beforeEach(async () => {
      this.server = new GcsServer();
      await this.server.start();
      this.server.bucket('flows');
      this.#before = process.env['STORAGE_EMULATOR_HOST'];
      process.env['STORAGE_EMULATOR_HOST'] = this.server.endpoint;
    });
    afterEach(async () => {
      if (this.#before === undefined) delete process.env['STORAGE_EMULATOR_HOST'];
      else process.env['STORAGE_EMULATOR_HOST'] = this.#before;
      await this.server.stop();
    });
  }

  put(name: string, content: Uint8Array | string): void {
    this.server.put('flows', name, Buffer.from(content));
  }

  /** Requests so far of that kind. */
  count(start: string): number {
    return this.server.requests.filter((request) => request.startsWith(start)).length;
  }
}
