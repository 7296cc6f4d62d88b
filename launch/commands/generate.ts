import { EXIT } from '../exit-code.js';
import { generateNetwork, WEEKLY_HISTORY } from '../generate/generate-network.js';
import { writeNetwork } from '../generate/write-network.js';
import { printLine } from '../messages.js';

export interface GenerateCommandOptions {
  readonly seed: number;
  readonly flows: number;
  readonly format: 'csv' | 'goflow2';
  readonly hours: number;
}

const DAY_HOURS = 24;

/** `flowsieve generate DIR`: a labelled synthetic network and its configuration. Gives the exit code. */
export function generateCommand(
  directory: string,
  options: GenerateCommandOptions,
): Promise<number> {
  // A history wants whole days.
  const historyDays = options.hours === DAY_HOURS ? WEEKLY_HISTORY : [];
  const network = generateNetwork({ ...options, historyDays });
  const { flows, historyFlows, files } = writeNetwork(directory, network, (done) => {
    if (done % 1_000_000 === 0) printLine(`${done.toLocaleString('en-US')} records`);
  });
  const planted = network.labels.filter(({ expect }) => expect === 'finding').length;
  printLine(
    `${flows.toLocaleString('en-US')} records in ${files} files, ${planted} findings to be found ` +
      `(labels.ndjson)` +
      (historyFlows === 0
        ? `; run it with: flowsieve run ${directory}/flowsieve.yaml`
        : `, and ${historyFlows.toLocaleString('en-US')} of ${historyDays.length} days before it; run it with: ` +
          `flowsieve run ${directory}/history.yaml, then flowsieve run ${directory}/flowsieve.yaml`),
  );
  return Promise.resolve(EXIT.ran);
}
