import { basename, join } from 'node:path';
import { compareLabels, type Comparison } from '../compare-labels.js';
import { loadConfig, type Config } from '../config/config.js';
import { ConfigurationError } from '../config/configuration-error.js';
import { generateNetwork, WEEKLY_HISTORY } from '../generate/generate-network.js';
import type { Label } from '../generate/label.js';
import { CHANGING_SENSORS, SENSORS, type Sensor } from '../generate/topology.js';
import { writeNetwork } from '../generate/write-network.js';
import { measure, type FilterMeasure } from './measure.js';
import { runAndRead } from './run-quietly.js';

export interface SweepOptions {
  readonly seed: number;
  /** Records a day that the network's own sensors see, about. */
  readonly flows: number;
  /** 1 in N packets, ascending, each once. */
  readonly rates: readonly number[];
  /** Where the network and all outputs go; a generated network that is there is replaced. */
  readonly directory: string;
  /** Told what is being done, in a few words. */
  readonly onStage?: (text: string) => void;
}

/** What the filters find of the network by what some of the sensors saw. */
export interface Sight {
  /** Flow records of the judged day. */
  readonly records: number;
  readonly filters: readonly FilterMeasure[];
  readonly comparison: Comparison;
}

export interface SweepPoint extends Sight {
  /** 1 in N packets. */
  readonly rate: number;
}

export interface Sweep {
  /** By the network's own sensors, one of which sees all packets: they overlap, come, go and change their rates. */
  readonly own: Sight;
  /** By a single sensor of each rate, in the order of the rates. */
  readonly points: readonly SweepPoint[];
}

const HOURS = 24;
const MINUTE = 60_000;

/**
 * Generates one labelled network, looks at it through its own sensors and through a single sensor of
 * each rate, and measures what the filters find.
 *
 * All sensors see the same true conversations, and each samples their packets, not their records, by
 * itself: what differs from point to point is the sampling and nothing else. Each has files of its
 * own, of which a run reads some: the days of history first, then the judged day.
 */
export async function sweep(options: SweepOptions): Promise<Sweep> {
  const { seed, flows, rates, directory, onStage = () => undefined } = options;
  onStage('generating a network');
  const network = generateNetwork({
    seed,
    flows,
    hours: HOURS,
    historyDays: WEEKLY_HISTORY,
    sensors: [...SENSORS, ...CHANGING_SENSORS, ...rates.map(sensorOf)],
  });
  writeNetwork(join(directory, 'network'), network);
  onStage('its own sensors');
  const isRated = (file: string): boolean => basename(file).startsWith(RATED);
  const own = await see(directory, 'own', network.labels, (file) => !isRated(file));
  const points: SweepPoint[] = [];
  for (const rate of rates) {
    onStage(`1 in ${rate.toLocaleString('en-US')} packets`);
    const { id } = sensorOf(rate);
    const isIts = (file: string): boolean => basename(file).startsWith(`${id}-`);
    points.push({ rate, ...(await see(directory, id, network.labels, isIts)) });
  }
  return { own, points };
}

/** Runs the job on the files of some sensors, whose past it is told first. */
async function see(
  directory: string,
  name: string,
  labels: readonly Label[],
  isSeen: (file: string) => boolean,
): Promise<Sight> {
  // One of its own: what other sensors remember must not help these.
  const history = join(directory, `history-${name}`);
  const past = await configOf(join(directory, 'network', 'history.yaml'), isSeen);
  await runAndRead({ ...past, history, output: join(directory, `out-history-${name}`) });
  const config = await configOf(join(directory, 'network', 'flowsieve.yaml'), isSeen);
  const output = join(directory, `out-${name}`);
  const { report, findings } = await runAndRead({ ...config, history, output });
  const comparison = compareLabels(labels, findings.values());
  return { records: report.records, filters: measure(comparison), comparison };
}

/** How the files of the single sensors begin. */
const RATED = 'rate-';

/** A sensor that all traffic passes, with a clock that is right. */
function sensorOf(samplingRate: number): Sensor {
  return {
    id: `${RATED}${samplingRate}`,
    address: '192.0.2.1',
    samplingRate,
    activeTimeoutMs: MINUTE,
    clockOffsetMs: 0,
    customers: undefined,
  };
}

/** The configuration at `path` with some of its files. */
async function configOf(path: string, isSeen: (file: string) => boolean): Promise<Config> {
  const loaded = await loadConfig(path);
  if (!loaded.ok) throw new ConfigurationError(loaded.problems);
  const inputs = loaded.config.inputs.map((input) => ({
    ...input,
    files: input.files.filter(isSeen),
    pattern: undefined,
  }));
  return { ...loaded.config, inputs };
}
