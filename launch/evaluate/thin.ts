import { closeSync, openSync, writeSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { formatAddress4, formatAddress6, type AddressWords } from '../../pipeline/address.js';
import { FLAGS_UNKNOWN } from '../../pipeline/codes.js';
import type { Decoder, RecordSink } from '../../transforms/decode/format.js';
import { FlowRow } from '../../transforms/decode/flow-row.js';
import { formatById } from '../../transforms/decode/formats.js';
import { readChunks } from '../../transforms/read/chunks.js';
import type { InputConfig } from '../config/config.js';
import { Random } from '../generate/random.js';
import { CSV_HEADER } from '../generate/row.js';
import { samplePackets } from './sample-packets.js';

export interface ThinnedInputs {
  /** The inputs again, their files replaced by canonical CSV of the flows that are left. */
  readonly inputs: readonly InputConfig[];
  /** Flows that were read; a two-way record is two. */
  readonly flows: number;
  /** Flows of which a packet was sampled. */
  readonly left: number;
  /** Records and files that could not be read. */
  readonly unread: number;
}

/** Times outside are rejects in the job as well; as CSV, which has other units, they might become times. */
const EARLIEST_MS = Date.UTC(1990, 0, 1);
const LATEST_MS = Date.UTC(2100, 0, 1);
const MAX_RATE = 0xffffffff;
/** Characters held back before they are written. */
const WRITE_CHARS = 1 << 20;

/**
 * Writes what sensors that took 1 in `rate` packets would have exported of these inputs into
 * `directory`. By `samplePackets`; the rate is multiplied into each record's own. The same seed gives
 * the same bytes.
 *
 * Limits: what a format proves about a connection becomes flags; records that were delivered twice
 * are sampled twice, on their own, and are no longer known for the same.
 */
export async function thinInputs(
  inputs: readonly InputConfig[],
  rate: number,
  directory: string,
  seed: number,
): Promise<ThinnedInputs> {
  await mkdir(directory, { recursive: true });
  let number = 0;
  let [flows, left, unread] = [0, 0, 0];
  const thinned: InputConfig[] = [];
  for (const input of inputs) {
    if (input.location.kind === 'object') {
      throw new Error(`${input.uri}: only files of this machine can be thinned`);
    }
    const files: string[] = [];
    for (const file of input.files) {
      const path = join(directory, `thin-${number}.csv`);
      const sink = new ThinSink(path, input, rate, new Random(seed, number));
      number++;
      try {
        await decodeInto(sink, input, file);
      } finally {
        sink.close();
      }
      files.push(path);
      flows += sink.flows;
      left += sink.left;
      unread += sink.unread;
    }
    thinned.push({ ...input, files, pattern: undefined, format: 'csv' });
  }
  return { inputs: thinned, flows, left, unread };
}

async function decodeInto(sink: ThinSink, input: InputConfig, file: string): Promise<void> {
  const { format, sensor, samplingRate, unknownFlags } = input;
  const spec = { name: input.uri, uri: file, format, sensor, samplingRate, unknownFlags };
  const { size } = await stat(file);
  let decoder: Decoder | undefined;
  const range = { input: spec, uri: file, start: 0, end: size };
  for await (const chunk of readChunks(range, () => sink.reject())) {
    // One file has one format and one preamble.
    decoder ??= formatById(chunk.format)?.decoder(chunk.preamble);
    if (decoder === undefined) throw new Error(`no decoder for format ${chunk.format}`);
    sink.row.reset();
    decoder.decode(chunk.bytes, sink);
  }
}

/** Takes decoded flows, and writes what is left of them. */
class ThinSink implements RecordSink {
  readonly row = new FlowRow();
  flows = 0;
  left = 0;
  unread = 0;
  readonly #input: InputConfig;
  readonly #rate: number;
  readonly #random: Random;
  readonly #file: number;
  #text = CSV_HEADER;

  constructor(path: string, input: InputConfig, rate: number, random: Random) {
    this.#input = input;
    this.#rate = rate;
    this.#random = random;
    this.#file = openSync(path, 'w');
  }

  push(): boolean {
    const { row } = this;
    if (row.startMs > row.endMs) [row.startMs, row.endMs] = [row.endMs, row.startMs];
    const dated = row.startMs >= EARLIEST_MS && row.endMs < LATEST_MS;
    if (!dated || row.src.family !== row.dst.family) {
      this.reject();
      return false;
    }
    this.#thin();
    return true;
  }

  pushAlso(): void {
    this.#thin();
  }

  reject(): void {
    this.unread++;
    this.row.reset();
  }

  skip(): void {
    this.row.reset();
  }

  close(): void {
    try {
      this.#write();
    } finally {
      closeSync(this.#file);
    }
  }

  #thin(): void {
    const { row } = this;
    this.flows++;
    const sampled = samplePackets(row, this.#rate, this.#random);
    if (sampled === undefined) return;
    this.left++;
    const before = row.samplingRate || this.#input.samplingRate || 1;
    const fields = [
      sampled.startMs,
      sampled.endMs,
      formatAddress(row.src),
      formatAddress(row.dst),
      row.srcPort,
      row.dstPort,
      row.protocol,
      sampled.packets,
      sampled.bytes,
      sampled.tcpFlags === FLAGS_UNKNOWN ? '' : sampled.tcpFlags,
      Math.min(before * this.#rate, MAX_RATE),
      csvText(row.sensor || this.#input.sensor),
    ];
    this.#text += `${fields.join(',')}\n`;
    if (this.#text.length >= WRITE_CHARS) this.#write();
  }

  #write(): void {
    writeSync(this.#file, this.#text);
    this.#text = '';
  }
}

function formatAddress({ family, words }: AddressWords): string {
  return family === 4
    ? formatAddress4(words[0])
    : formatAddress6(words[0], words[1], words[2], words[3]);
}

/** A name as a CSV field; what would end a line or a quote becomes `_`. */
function csvText(name: string): string {
  const safe = name.replace(/["\p{Cc}]/gu, '_');
  return /^[\w.:-]*$/.test(safe) ? safe : `"${safe}"`;
}
