import { printLine } from '../messages.js';
import { LEVEL } from './measure.js';
import { sharesOf, writeJson, writePlot, type Outputs } from './outputs.js';
import { sweep, type Sight } from './sweep.js';
import { measureTable, mistakes, rateTables } from './tables.js';

export interface GeneratedOptions extends Outputs {
  readonly seed: number;
  /** Records a day. */
  readonly flows: number;
  /** 1 in N packets; at which the network is looked at. */
  readonly rates: readonly number[];
}

/** Measures the filters on a generated network, which goes to `output` or else to `scratch`. */
export async function evaluateGenerated(options: GeneratedOptions, scratch: string): Promise<void> {
  const { seed, flows, rates, output, plot, json } = options;
  const directory = output ?? scratch;
  const { own, points } = await sweep({ seed, flows, rates, directory, onStage: printLine });
  const rated = points.map(({ rate, filters }) => ({ rate, ...sharesOf(filters) }));
  process.stdout.write(
    `${own.records.toLocaleString('en-US')} records of the sensors of a generated network; ` +
      `intervals are exact, ${100 * LEVEL} %\n`,
  );
  process.stdout.write(measureTable(own.filters) + mistakes(own.comparison));
  process.stdout.write('by a single sensor that samples packets\n');
  process.stdout.write(rateTables(rated));
  await writePlot(plot, rated);
  await writeJson(json, {
    seed,
    level: LEVEL,
    own: sightJson(own),
    points: points.map((point) => ({ rate: point.rate, ...sightJson(point) })),
  });
  if (output !== undefined) printLine(`kept in ${output}`);
}

function sightJson({ records, filters, comparison }: Sight): object {
  return { records, filters, missed: comparison.missed, false: comparison.false };
}
