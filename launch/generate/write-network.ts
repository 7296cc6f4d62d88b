import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Network } from './generate-network.js';
import { CSV_HEADER, csvLine, goflow2Line, type Row, type RowFormat } from './row.js';
import type { Sensor } from './topology.js';

const HOUR = 3_600_000;
/** Characters held back for a file before they are written. */
const WRITE_CHARS = 1 << 20;

/** What `writeNetwork` wrote. */
export interface WrittenNetwork {
  /** Records of the judged time. */
  readonly flows: number;
  /** Files they are in. */
  readonly files: number;
  /** Records of the days before, which are in files of their own. */
  readonly historyFlows: number;
}

/**
 * Writes a network to a directory: one flow file a sensor and hour (of export), those of history days
 * under `history-flows/DAY/`, and everything that a run needs. Memory does not grow with the number of flows. A network that was written there
 * before is replaced; a directory that holds anything else is an error.
 */
export function writeNetwork(
  directory: string,
  network: Network,
  onProgress: (flows: number) => void = () => undefined,
): WrittenNetwork {
  makeRoom(directory);
  for (const { path, text } of network.files) {
    const full = join(directory, ...path.split('/'));
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, text);
  }
  const { sensors, format, startMs, endMs } = network;
  const into = { directory: join(directory, 'flows'), sensors, format, startMs, endMs };
  const { flows, files } = writeFlows(into, network.rows(), onProgress);
  let historyFlows = 0;
  for (const past of network.history) {
    const { day, startMs, endMs } = past;
    const folder = join(directory, 'history-flows', day);
    const before = flows + historyFlows;
    const report = (done: number): void => onProgress(before + done);
    const written = writeFlows({ ...into, directory: folder, startMs, endMs }, past.rows(), report);
    historyFlows += written.flows;
  }
  return { flows, files, historyFlows };
}

interface FlowFolder {
  readonly directory: string;
  readonly sensors: readonly Sensor[];
  readonly format: RowFormat;
  readonly startMs: number;
  readonly endMs: number;
}

function writeFlows(
  folder: FlowFolder,
  rows: Iterable<Row>,
  onProgress: (flows: number) => void,
): { readonly flows: number; readonly files: number } {
  mkdirSync(folder.directory, { recursive: true });
  const files = new FlowFiles(folder);
  let flows = 0;
  try {
    for (const row of rows) {
      files.write(row);
      if (++flows % 100_000 === 0) onProgress(flows);
    }
  } finally {
    files.close();
  }
  onProgress(flows);
  return { flows, files: files.count };
}

/** Labels mark a network as ours: only then may it be replaced. */
function makeRoom(directory: string): void {
  if (existsSync(directory) && readdirSync(directory).length > 0) {
    if (!existsSync(join(directory, 'labels.ndjson'))) {
      throw new Error(`${directory} is not empty and holds no generated network`);
    }
    // The snapshot and the history are made from the network and would outlive it.
    for (const part of [
      'flows',
      'history-flows',
      'country',
      'snapshot',
      'history',
      'history.yaml',
      'history-out',
    ]) {
      rmSync(join(directory, part), { recursive: true, force: true });
    }
  }
  mkdirSync(directory, { recursive: true });
}

class FlowFiles {
  count = 0;
  readonly #folder: FlowFolder;
  readonly #addresses: ReadonlyMap<string, string>;
  #hour = -1;
  /** By sensor; of the current hour. */
  #open = new Map<string, { readonly fd: number; text: string }>();

  constructor(folder: FlowFolder) {
    this.#folder = folder;
    this.#addresses = new Map(folder.sensors.map(({ id, address }) => [id, address]));
  }

  write(row: Row): void {
    const { startMs, endMs, format } = this.#folder;
    // What leaves its sensor after the end belongs to the last hour.
    const hour = Math.floor((Math.min(row.exportedMs, endMs - 1) - startMs) / HOUR);
    if (hour > this.#hour) {
      this.close();
      this.#hour = hour;
    }
    const file = this.#open.get(row.sensor) ?? this.#create(row.sensor);
    file.text +=
      format === 'csv'
        ? csvLine(row)
        : goflow2Line(row, this.#addresses.get(row.sensor) ?? row.sensor);
    if (file.text.length >= WRITE_CHARS) {
      writeSync(file.fd, file.text);
      file.text = '';
    }
  }

  close(): void {
    for (const { fd, text } of this.#open.values()) {
      writeSync(fd, text);
      closeSync(fd);
    }
    this.#open = new Map();
  }

  #create(sensor: string): { readonly fd: number; text: string } {
    const { startMs, format } = this.#folder;
    const time = new Date(startMs + this.#hour * HOUR)
      .toISOString()
      .slice(0, 13)
      .replaceAll('-', '');
    const name = `${sensor}-${time}.${format === 'csv' ? 'csv' : 'ndjson'}`;
    const fd = openSync(join(this.#folder.directory, name), 'w');
    const file = { fd, text: format === 'csv' ? CSV_HEADER : '' };
    this.#open.set(sensor, file);
    this.count++;
    return file;
  }
}
