import type { PortableOptions } from '../../launch/portable/portable-runner.js';

/** A portable engine that the conformance tests run. */
export interface Engine {
  /** As the table calls it. */
  readonly name: string;
  /** Starts it and resolves with the HOST:PORT of its job service. */
  start(): Promise<string>;
  /** Ends it, and all that it started. */
  stop(): Promise<void>;
  /** Processes of its workers, as `here` has them started. */
  workers(): number[];
  /** What its jobs need besides the endpoint. */
  readonly options: Partial<PortableOptions>;
  /** Whether it understands `beam:transform:teststream:v1`. */
  readonly testStream: boolean;
}

/** How an engine gets onto this machine. Its tests are skipped, saying why, where it does not. */
export interface InstalledEngine {
  readonly name: string;
  /** Installs it unless it is there; with the network, before the tests. Throws where it cannot. */
  readonly install: () => Promise<void>;
  /** undefined where it is not installed. */
  readonly open: () => Engine | undefined;
}
