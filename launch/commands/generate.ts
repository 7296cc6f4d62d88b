import { EXIT } from '../exit-code.js';
import { generateNetwork } from '../generate/generate-network.js';
import { writeNetwork } from '../generate/write-network.js';
import { printLine } from '../messages.js';

export interface GenerateCommandOptions {
  readonly seed: number;
  readonly flows: number;
  readonly format: 'csv' | 'goflow2';
  readonly hours: number;
}

/** `flowsieve generate DIR`: a labelled synthetic network and its configuration. Gives the exit code. */
export function generateCommand(
  directory: string,
  options: GenerateCommandOptions,
): Promise<number> {
  const network = generateNetwork(options);
  const { flows, files } = writeNetwork(directory, network, (done) => {
    if (done % 1_000_000 === 0) printLine(`${done.toLocaleString('en-US')} records`);
  });
  const planted = network.labels.filter(({ expect }) => expect === 'finding').length;
  printLine(
    `${flows.toLocaleString('en-US')} records in ${files} files, ${planted} findings to be found ` +
      `(labels.ndjson); run it with: flowsieve run ${directory}/flowsieve.yaml`,
  );
  return Promise.resolve(EXIT.ran);
}
