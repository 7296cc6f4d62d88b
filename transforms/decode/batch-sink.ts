import type { AddressWords } from '../../pipeline/address.js';
import { GRADE, TCP } from '../../pipeline/codes.js';
import {
  allocateFlowColumns,
  BATCH_ROWS,
  flowBatch,
  type FlowBatch,
  type FlowColumns,
} from '../../pipeline/flow-batch.js';
import { sampleOf, type Reject } from '../../pipeline/reject.js';
import { tellsOf, type Chunk, type Span, type TimeSlice } from '../../pipeline/chunk.js';
import { gradeRecord } from '../established/grade.js';
import { FlowRow } from './flow-row.js';
import type { RecordSink } from './format.js';

/** Event times outside are no dates of flows: an exporter's uptime taken for a date, or nonsense. */
const EARLIEST_MS = Date.UTC(1990, 0, 1);
const LATEST_MS = Date.UTC(2100, 0, 1);

/** A record that arrived live is dated at most so much later: its exporter's clock is wrong. */
const MOST_AHEAD_MS = 5 * 60 * 1000;

/** A record that ends this much before it starts has its times exchanged, as softflowd's IPFIX export has; more is nonsense. */
const MOST_EXCHANGED_MS = 24 * 60 * 60 * 1000;

/** What a column of 32 bits holds; no exporter samples more rarely. */
const MAX_SAMPLING_RATE = 0xffffffff;

/** Rejects kept as values for each reason of a chunk; all are counted. */
const KEPT_REJECTS = 100;

/** Distinct exporters a batch may name; one that lies about its name for each record ends batches early and no more. */
const MAX_SENSORS = 4096;

/** Sensor of a record that names none, from an input that names none. */
const UNNAMED_SENSOR = 'unnamed';

/**
 * The one place where all decoders' records are counted, checked and put into columns.
 * Rows of many chunks go into one batch; `flush` hands out what is left.
 */
export class BatchSink implements RecordSink {
  readonly row = new FlowRow();
  readonly #onBatch: (batch: FlowBatch) => void;
  readonly #onReject: (reject: Reject) => void;
  readonly #onCount: (name: string, by: number) => void;
  readonly #builders: { 4: Builder | undefined; 6: Builder | undefined } = {
    4: undefined,
    6: undefined,
  };
  #chunk: Chunk | undefined;
  /** Of the chunk's input. */
  #slice: TimeSlice | undefined;
  #latestMs = Infinity;
  #records = 0;
  #rows = 0;
  #tcpRows = 0;
  #ungradedRows = 0;
  #exchanged = 0;
  /** Records of other times: another job takes those that are not counted here. */
  #unreached = 0;
  readonly #rejected = new Map<string, number>();
  readonly #skipped = new Map<string, number>();

  constructor(
    onBatch: (batch: FlowBatch) => void,
    onReject: (reject: Reject) => void,
    onCount: (name: string, by: number) => void,
  ) {
    this.#onBatch = onBatch;
    this.#onReject = onReject;
    this.#onCount = onCount;
  }

  /** Says which chunk the records that follow are from. */
  beginChunk(chunk: Chunk): void {
    this.#chunk = chunk;
    this.#slice = chunk.input.slice;
    this.#latestMs = (chunk.arrivedMs ?? Infinity) + MOST_AHEAD_MS;
    this.row.reset();
  }

  /** Adds the chunk's counts: one call a name and not one a record. */
  endChunk(): void {
    const format = this.#chunk?.format ?? 'unknown';
    if (this.#records > 0) this.#onCount(`records/${format}`, this.#records);
    if (this.#rows > 0) this.#onCount('rows', this.#rows);
    // By input, because one exporter without flags would not show among others.
    const input = this.#chunk?.input.name ?? '';
    if (this.#tcpRows > 0) this.#onCount(`tcp/${input}`, this.#tcpRows);
    if (this.#ungradedRows > 0) this.#onCount(`ungraded/${input}`, this.#ungradedRows);
    this.#tcpRows = 0;
    this.#ungradedRows = 0;
    if (this.#exchanged > 0) this.#onCount(`exchanged-times/${format}`, this.#exchanged);
    if (this.#unreached > 0) this.#onCount('unreached-rows', this.#unreached);
    this.#unreached = 0;
    for (const [reason, count] of this.#rejected)
      this.#onCount(`rejects/${format}/${reason}`, count);
    for (const [reason, count] of this.#skipped)
      this.#onCount(`skipped/${format}/${reason}`, count);
    this.#records = 0;
    this.#rows = 0;
    this.#exchanged = 0;
    this.#rejected.clear();
    this.#skipped.clear();
    this.#chunk = undefined;
  }

  push(start: number, end: number): boolean {
    const { row } = this;
    const exchanged = row.startMs > row.endMs && row.startMs - row.endMs <= MOST_EXCHANGED_MS;
    if (exchanged) [row.startMs, row.endMs] = [row.endMs, row.startMs];
    const problem = this.#problem();
    if (problem !== undefined) {
      this.reject(problem, start, end);
      return false;
    }
    if (this.#isOwn()) {
      this.#records++;
      if (exchanged) this.#exchanged++;
    }
    this.#append();
    return true;
  }

  pushAlso(): void {
    this.#append();
  }

  reject(reason: string, start: number, end: number): void {
    const chunk = this.#chunk;
    this.row.reset();
    if (chunk !== undefined && !tellsOf(chunk.input)) return;
    const count = (this.#rejected.get(reason) ?? 0) + 1;
    this.#rejected.set(reason, count);
    if (chunk === undefined || count > KEPT_REJECTS) return;
    this.#onReject({
      format: chunk.format,
      reason,
      file: chunk.uri,
      offset: chunk.offset + start,
      sample: sampleOf(chunk.bytes, start, end),
    });
  }

  skip(reason: string): void {
    this.row.reset();
    if (this.#chunk !== undefined && !tellsOf(this.#chunk.input)) return;
    this.#skipped.set(reason, (this.#skipped.get(reason) ?? 0) + 1);
  }

  /** Hands out the rows collected so far. */
  flush(): void {
    this.#flush(4);
    this.#flush(6);
  }

  #problem(): string | undefined {
    const { row } = this;
    if (row.src.family !== row.dst.family) return 'mixed-families';
    // Written so that NaN fails too.
    if (!(row.endMs >= EARLIEST_MS && row.endMs < LATEST_MS)) return 'time-out-of-range';
    if (!(row.startMs >= EARLIEST_MS)) return 'time-out-of-range';
    if (row.startMs > row.endMs) return 'end-before-start';
    if (row.endMs > this.#latestMs) return 'future';
    if (row.samplingRate > MAX_SAMPLING_RATE) return 'bad-number';
    return undefined;
  }

  /** Whether the row's event time is one that this job takes. */
  #isOwn(): boolean {
    return this.#slice === undefined || within(this.row.endMs, this.#slice.own);
  }

  #append(): void {
    const { row } = this;
    if (!this.#isOwn()) {
      const tells = this.#slice?.tells ?? null;
      if (tells === null) return;
      if (within(row.endMs, tells.asked) && !within(row.endMs, tells.reached)) this.#unreached++;
      return;
    }
    const { family } = row.src;
    const input = this.#chunk?.input;
    let builder = this.#builders[family];
    if (builder === undefined) {
      builder = new Builder(family);
      this.#builders[family] = builder;
    }
    let { evidence } = row;
    if (row.protocol === TCP) {
      this.#tcpRows++;
      const grade = gradeRecord(evidence, row.tcpFlags, row.packets, row.bytes);
      if (grade === GRADE.unknown) {
        this.#ungradedRows++;
        if (input?.unknownFlags === 'keep') evidence = GRADE.medium;
      }
    }
    const sensor = row.sensor !== '' ? row.sensor : input?.sensor;
    builder.append(
      row,
      evidence,
      row.samplingRate !== 0 ? row.samplingRate : (input?.samplingRate ?? 0),
      sensor === undefined || sensor === '' ? UNNAMED_SENSOR : sensor,
    );
    this.#rows++;
    if (builder.full) this.#flush(family);
  }

  #flush(family: 4 | 6): void {
    const builder = this.#builders[family];
    if (builder === undefined || builder.rows === 0) return;
    this.#builders[family] = undefined;
    this.#onBatch(builder.finish());
  }
}

function within(ms: number, { startMs, endMs }: Span): boolean {
  return ms >= startMs && ms < endMs;
}

/** A batch under construction. */
class Builder {
  rows = 0;
  readonly #family: 4 | 6;
  readonly #columns: FlowColumns;
  readonly #sensors: string[] = [];
  readonly #sensorIndex = new Map<string, number>();
  #lastSensor = '';
  #lastIndex = -1;

  constructor(family: 4 | 6) {
    this.#family = family;
    this.#columns = allocateFlowColumns(family, BATCH_ROWS);
  }

  get full(): boolean {
    return this.rows === BATCH_ROWS || this.#sensors.length === MAX_SENSORS;
  }

  append(row: FlowRow, evidence: number, samplingRate: number, sensor: string): void {
    const at = this.rows++;
    const to = this.#columns;
    to.startMs[at] = row.startMs;
    to.endMs[at] = row.endMs;
    to.packets[at] = row.packets;
    to.bytes[at] = row.bytes;
    putAddress(this.#family, to.srcAddr, at, row.src);
    putAddress(this.#family, to.dstAddr, at, row.dst);
    to.samplingRate[at] = samplingRate;
    to.srcPort[at] = row.srcPort;
    to.dstPort[at] = row.dstPort;
    to.tcpFlags[at] = row.tcpFlags;
    to.protocol[at] = row.protocol;
    to.evidence[at] = evidence;
    to.initiator[at] = row.initiator;
    to.sensor[at] = sensor === this.#lastSensor ? this.#lastIndex : this.#indexOf(sensor);
  }

  finish(): FlowBatch {
    return flowBatch(this.#family, this.rows, this.#sensors, [], this.#columns);
  }

  #indexOf(sensor: string): number {
    let index = this.#sensorIndex.get(sensor);
    if (index === undefined) {
      index = this.#sensors.push(sensor) - 1;
      this.#sensorIndex.set(sensor, index);
    }
    this.#lastSensor = sensor;
    this.#lastIndex = index;
    return index;
  }
}

function putAddress(family: 4 | 6, column: Uint32Array, at: number, address: AddressWords): void {
  const { words } = address;
  if (family === 4) {
    column[at] = words[0];
  } else {
    column[at * 4] = words[0];
    column[at * 4 + 1] = words[1];
    column[at * 4 + 2] = words[2];
    column[at * 4 + 3] = words[3];
  }
}
