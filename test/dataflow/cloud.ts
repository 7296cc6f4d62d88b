import { stringify } from 'yaml';
import { GcsServer } from '../history/gcs-server.js';
import { TemporaryFiles } from '../launch/temporary-files.js';
import { DataflowServer } from './dataflow-server.js';

let histories = 0;

/** What a test's jobs have of Google Cloud: stand-ins of both services, and a configuration. */
export class Cloud {
  readonly files = new TemporaryFiles();
  gcs = new GcsServer();
  dataflow = new DataflowServer();
  #before: string | undefined;

  /** To be called inside `describe`. */
  constructor() {
    beforeEach(async () => {
      this.gcs = new GcsServer();
      this.dataflow = new DataflowServer();
      await this.gcs.start();
      await this.dataflow.start();
      this.gcs.bucket('bkt');
      this.#before = process.env['STORAGE_EMULATOR_HOST'];
      process.env['STORAGE_EMULATOR_HOST'] = this.gcs.endpoint;
    });
    afterEach(async () => {
      if (this.#before === undefined) delete process.env['STORAGE_EMULATOR_HOST'];
      else process.env['STORAGE_EMULATOR_HOST'] = this.#before;
      await this.gcs.stop();
      await this.dataflow.stop();
    });
  }

  /** A configuration that a job on Dataflow takes, with `changes` over it; returns its path. */
  config(changes: Readonly<Record<string, unknown>> = {}): string {
    this.files.write('customers.csv', 'customer,cidr\nacme,198.51.100.0/24\n');
    this.files.write('bad.txt', '203.0.113.7\n');
    return this.files.write(
      'flowsieve.yaml',
      stringify({
        customers: 'customers.csv',
        inputs: [{ uri: 'gs://bkt/flows/*.csv', format: 'csv' }],
        reference: {
          feeds: [
            { name: 'bad', kind: 'tags', category: 'c2', format: 'address-list', uri: 'bad.txt' },
          ],
        },
        filters: { 'known-bad-remote': {} },
        output: 'gs://bkt/out',
        // A process keeps the client of each history: the next test has another server.
        history: `gs://bkt/history-${++histories}`,
        dataflow: this.dataflowSetting(),
        ...changes,
      }),
    );
  }

  /** The same with a subscription for an input and a topic for a sink. */
  streamingConfig(changes: Readonly<Record<string, unknown>> = {}): string {
    return this.config({
      inputs: [
        {
          uri: 'pubsub://projects/fake-proj/subscriptions/flows',
          format: 'goflow2',
          timestampAttribute: 'first',
        },
      ],
      sinks: ['pubsub://projects/fake-proj/topics/findings'],
      ...changes,
    });
  }

  dataflowSetting(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    return {
      project: 'fake-proj',
      region: 'us-central1',
      image: 'us-docker.pkg.dev/fake-proj/r/img:1',
      tempLocation: 'gs://bkt/temp',
      endpoint: this.dataflow.endpoint,
      ...changes,
    };
  }
}
