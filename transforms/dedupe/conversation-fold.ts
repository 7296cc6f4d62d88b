import {
  ACK,
  FLAGS_UNKNOWN,
  GRADE,
  NO_SIDE,
  REASON,
  ROLE,
  RST,
  SOURCE,
} from '../../pipeline/codes.js';
import {
  allocateConversations,
  type BatchOrigin,
  type ConversationBatch,
} from '../../pipeline/conversation-batch.js';
import { Names } from '../../pipeline/dictionary.js';
import { selectedRows, type FlowBatch, type FlowColumns } from '../../pipeline/flow-batch.js';
import { Fingerprints, SECOND_SEED, TABLE_SEED } from './fingerprints.js';

/** Bits of a conversation's directions: what was seen in which. */
const ANSWERED_OUT = 1;
const ANSWERED_IN = 2;
const ACK_OUT = 4;
const ACK_IN = 8;

/** A fold starts small: a day has some thousand (window, shard)s, many of them nearly empty. */
const INITIAL_ROWS = 2;

// A conversation is a record of 32-bit words and one of doubles, not a row of columns: folding
// touches all fields of one conversation at once, and two arrays grow faster than twenty.
const HASH = 0;
const CUSTOMER = 1;
/** Customer's port << 16 | remote's port. */
const PORTS = 2;
const RECORDS = 3;
/** Flags received << 16 | flags sent. */
const FLAGS = 4;
/** Role << 8 | reason. */
const ORIENTATION = 5;
/** Directions << 16 | protocol << 8. */
const MARKS = 6;
const GRADE_WORD = 7;
/** First counter + 1; 0 = none. */
const COUNTER = 8;
/** Customer's address, then the remote's. */
const ADDRESSES = 9;

const FIRST_MS = 0;
const LAST_MS = 1;
/** Start of the record that decided the orientation. */
const DECIDED_MS = 2;
const TIMES = 3;

// A counter: one sensor at one sampling rate, chained by conversation.
const SENSOR = 0;
const RATE = 1;
/** Next counter + 1; 0 = none. */
const NEXT = 2;
const COUNTER_WORDS = 3;
const OUT_PACKETS = 0;
const OUT_BYTES = 1;
const IN_PACKETS = 2;
const IN_BYTES = 3;
const COUNTS = 4;

/**
 * Folds the flow records of one window and shard, of one address family, into conversations.
 *
 * The result does not depend on the order of records: counts add up, flags are OR-ed, the strongest
 * orientation decides (of equal ones the earliest record's), and records of one sensor that are
 * identical in every column count once.
 *
 * Memory: 84 bytes a conversation (IPv4) with its slot, 44 a counter, 8 to 21 a distinct record.
 */
export class ConversationFold {
  readonly #family: 4 | 6;
  readonly #width: number;
  readonly #stride: number;
  readonly #sensors = new AdoptedNames();
  readonly #customers = new AdoptedNames();
  readonly #seen: Fingerprints;
  #rows = 0;
  /** Distinct records. */
  #records = 0;
  #counterRows = 0;
  #words: Uint32Array;
  #times: Float64Array;
  /** Open addressing: row + 1; 0 = empty. */
  #slots: Uint32Array;
  #counters: Uint32Array;
  #counts: Float64Array;

  /** `expected` rows, a guess, decide how large it starts. */
  constructor(family: 4 | 6, expected = 0) {
    const rows = Math.max(INITIAL_ROWS, 2 ** Math.ceil(Math.log2(expected + 1)));
    this.#family = family;
    this.#width = family === 4 ? 1 : 4;
    this.#stride = ADDRESSES + 2 * this.#width;
    this.#words = new Uint32Array(rows * this.#stride);
    this.#times = new Float64Array(rows * TIMES);
    this.#slots = new Uint32Array(rows * 2);
    this.#counters = new Uint32Array(rows * COUNTER_WORDS);
    this.#counts = new Float64Array(rows * COUNTS);
    this.#seen = new Fingerprints(rows * 2);
  }

  /** Distinct conversations so far. */
  get rows(): number {
    return this.#rows;
  }

  /** Folds the rows of a piece; returns how many of them were redelivered and did not count. */
  add(batch: FlowBatch): number {
    const { columns, selection } = batch;
    const rows = selectedRows(batch);
    const width = this.#width;
    const sensors = this.#sensors.indexesOf(batch.sensors);
    const customers = this.#customers.indexesOf(batch.customers);
    const times = [columns.startMs, columns.endMs, columns.packets, columns.bytes].map(
      (column) => new Uint32Array(column.buffer, column.byteOffset, column.length * 2),
    );
    let repeated = 0;
    for (let n = 0; n < rows; n++) {
      const i = selection === undefined ? n : selection[n];
      const outbound = columns.customerSide[i] === SOURCE;
      const customer =
        customers === undefined ? columns.customer[i] : customers[columns.customer[i]];
      const sensor = sensors === undefined ? columns.sensor[i] : sensors[columns.sensor[i]];
      const ourAddr = outbound ? columns.srcAddr : columns.dstAddr;
      const theirAddr = outbound ? columns.dstAddr : columns.srcAddr;
      const ourPort = outbound ? columns.srcPort[i] : columns.dstPort[i];
      const theirPort = outbound ? columns.dstPort[i] : columns.srcPort[i];
      const ports = ((ourPort << 16) | theirPort) >>> 0;
      const protocol = columns.protocol[i];
      const at = i * width;
      let hash = mix(TABLE_SEED ^ customer, ports);
      for (let w = 0; w < width; w++) hash = mix(mix(hash, ourAddr[at + w]), theirAddr[at + w]);
      hash = mix(hash, protocol) >>> 0;
      const row = this.#find(hash, customer, ourAddr, theirAddr, at, ports, protocol);
      const flags = columns.tcpFlags[i];
      const rate = columns.samplingRate[i];
      // Row, direction, sensor and what is left of the record are its fingerprint.
      const marks =
        (flags << 8) |
        (columns.evidence[i] << 4) |
        (columns.initiator[i] << 2) |
        (outbound ? 1 : 0);
      let high = mix(mix(SECOND_SEED ^ row, marks), rate ^ Math.imul(sensor + 1, 0x9e3779b1));
      let low = mix(mix(hash, rate), marks ^ Math.imul(sensor + 1, 0x85ebca6b));
      for (let t = 0; t < 4; t++) {
        const bits = times[t];
        high = mix(mix(high, bits[2 * i]), bits[2 * i + 1]);
        low = mix(mix(low, bits[2 * i + 1]), bits[2 * i]);
      }
      if (!this.#seen.add(high, low)) {
        repeated++;
        continue;
      }
      this.#records++;
      this.#judge(row, columns, i, outbound, flags);
      const counter = this.#counterOf(row, sensor, rate) * COUNTS;
      this.#counts[counter + (outbound ? OUT_PACKETS : IN_PACKETS)] += columns.packets[i];
      this.#counts[counter + (outbound ? OUT_BYTES : IN_BYTES)] += columns.bytes[i];
    }
    return repeated;
  }

  /**
   * The conversations of a grade and an orientation at least so good as batches of at most `maxRows`
   * rows, and how many there are of each grade.
   */
  finish(
    window: { readonly startMs: number; readonly endMs: number },
    shard: string,
    least: { readonly grade: number; readonly reason: number },
    maxRows: number,
  ): { batches: ConversationBatch[]; grades: number[] } {
    const grades = [0, 0, 0, 0, 0];
    const kept = new Uint32Array(this.#rows);
    let count = 0;
    for (let row = 0; row < this.#rows; row++) {
      const grade = this.#finalGrade(row);
      grades[grade]++;
      if (grade < least.grade) continue;
      const reason = this.#words[row * this.#stride + ORIENTATION] & 0xff;
      if (reason >= least.reason) kept[count++] = row;
    }
    const batches: ConversationBatch[] = [];
    for (let from = 0; from < count; from += maxRows) {
      const origin = {
        key: `${window.startMs}/${shard}/${this.#family}`,
        revision: this.#records,
        part: batches.length,
      };
      const picked = kept.subarray(from, Math.min(from + maxRows, count));
      batches.push(this.#batch(picked, window, origin));
    }
    return { batches, grades };
  }

  /** An answer counts as a connection if the other direction has an ACK: the handshake went on. */
  #finalGrade(row: number): number {
    const grade = this.#words[row * this.#stride + GRADE_WORD];
    if (grade !== GRADE.answered) return grade;
    const seen = this.#words[row * this.#stride + MARKS] >>> 16;
    const out = (seen & ANSWERED_OUT) !== 0 && (seen & ACK_IN) !== 0;
    const back = (seen & ANSWERED_IN) !== 0 && (seen & ACK_OUT) !== 0;
    return out || back ? GRADE.medium : GRADE.answered;
  }

  /** Folds everything of a record but its counts. */
  #judge(row: number, columns: FlowColumns, i: number, outbound: boolean, flags: number): void {
    const words = this.#words;
    const times = this.#times;
    const at = row * this.#stride;
    const time = row * TIMES;
    const startMs = columns.startMs[i];
    words[at + RECORDS]++;
    if (startMs < times[time + FIRST_MS]) times[time + FIRST_MS] = startMs;
    if (columns.endMs[i] > times[time + LAST_MS]) times[time + LAST_MS] = columns.endMs[i];
    const grade = columns.grade[i];
    if (grade > words[at + GRADE_WORD]) words[at + GRADE_WORD] = grade;
    let seen = 0;
    if (flags !== FLAGS_UNKNOWN) {
      words[at + FLAGS] |= outbound ? flags : flags << 16;
      // RST+ACK refuses; it is no acknowledgement that carries a connection on.
      if ((flags & ACK) !== 0 && (flags & RST) === 0) seen = outbound ? ACK_OUT : ACK_IN;
    }
    if (grade === GRADE.answered) seen |= outbound ? ANSWERED_OUT : ANSWERED_IN;
    words[at + MARKS] |= seen << 16;
    const reason = columns.reason[i];
    if (reason !== REASON.unknown) {
      this.#orient(row, reason, roleOf(columns.client[i], columns.customerSide[i]), startMs);
    }
  }

  /** Strongest reason first, then the earliest record, then the smaller role code: a total order. */
  #orient(row: number, reason: number, role: number, startMs: number): void {
    const at = row * this.#stride + ORIENTATION;
    const best = this.#words[at] & 0xff;
    if (reason < best) return;
    const decided = row * TIMES + DECIDED_MS;
    if (reason === best) {
      if (startMs > this.#times[decided]) return;
      if (startMs === this.#times[decided] && role >= this.#words[at] >>> 8) return;
    }
    this.#words[at] = (role << 8) | reason;
    this.#times[decided] = startMs;
  }

  /** Row of the conversation, made if it is new. `at` is the row's place in the address columns. */
  #find(
    hash: number,
    customer: number,
    ourAddr: Uint32Array,
    theirAddr: Uint32Array,
    at: number,
    ports: number,
    protocol: number,
  ): number {
    const width = this.#width;
    const stride = this.#stride;
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (let entry = this.#slots[slot]; entry !== 0; entry = this.#slots[slot]) {
      const words = this.#words;
      const from = (entry - 1) * stride;
      if (
        words[from + HASH] === hash &&
        words[from + PORTS] === ports &&
        words[from + CUSTOMER] === customer &&
        ((words[from + MARKS] >>> 8) & 0xff) === protocol
      ) {
        let w = 0;
        while (
          w < width &&
          words[from + ADDRESSES + w] === ourAddr[at + w] &&
          words[from + ADDRESSES + width + w] === theirAddr[at + w]
        ) {
          w++;
        }
        if (w === width) return entry - 1;
      }
      slot = (slot + 1) & mask;
    }
    const row = this.#rows++;
    if (this.#rows * stride > this.#words.length) {
      this.#words = grownWords(this.#words);
      this.#times = grownDoubles(this.#times);
    }
    const words = this.#words;
    const to = row * stride;
    words[to + HASH] = hash;
    words[to + CUSTOMER] = customer;
    words[to + PORTS] = ports;
    words[to + MARKS] = protocol << 8;
    for (let w = 0; w < width; w++) {
      words[to + ADDRESSES + w] = ourAddr[at + w];
      words[to + ADDRESSES + width + w] = theirAddr[at + w];
    }
    this.#times[row * TIMES + FIRST_MS] = Infinity;
    this.#slots[slot] = row + 1;
    if (this.#rows * 2 > this.#slots.length) this.#growSlots();
    return row;
  }

  /** Counter of the conversation's sensor and rate, made if it is new. */
  #counterOf(row: number, sensor: number, rate: number): number {
    const first = row * this.#stride + COUNTER;
    for (let entry = this.#words[first]; entry !== 0;) {
      const at = (entry - 1) * COUNTER_WORDS;
      if (this.#counters[at + SENSOR] === sensor && this.#counters[at + RATE] === rate) {
        return entry - 1;
      }
      entry = this.#counters[at + NEXT];
    }
    const counter = this.#counterRows++;
    const at = counter * COUNTER_WORDS;
    if (at + COUNTER_WORDS > this.#counters.length) {
      this.#counters = grownWords(this.#counters);
      this.#counts = grownDoubles(this.#counts);
    }
    this.#counters[at + SENSOR] = sensor;
    this.#counters[at + RATE] = rate;
    this.#counters[at + NEXT] = this.#words[first];
    this.#words[first] = counter + 1;
    return counter;
  }

  #batch(
    picked: Uint32Array,
    window: { readonly startMs: number; readonly endMs: number },
    origin: BatchOrigin,
  ): ConversationBatch {
    const rows = picked.length;
    const width = this.#width;
    const words = this.#words;
    const times = this.#times;
    let counterRows = 0;
    for (const row of picked) {
      for (let entry = words[row * this.#stride + COUNTER]; entry !== 0; counterRows++) {
        entry = this.#counters[(entry - 1) * COUNTER_WORDS + NEXT];
      }
    }
    const { columns: to, counters } = allocateConversations(this.#family, rows, counterRows);
    to.windowStartMs.fill(window.startMs);
    to.windowEndMs.fill(window.endMs);
    let counter = 0;
    for (let i = 0; i < rows; i++) {
      const row = picked[i];
      const from = row * this.#stride;
      to.firstMs[i] = times[row * TIMES + FIRST_MS];
      to.lastMs[i] = times[row * TIMES + LAST_MS];
      for (let w = 0; w < width; w++) {
        to.customerAddr[i * width + w] = words[from + ADDRESSES + w];
        to.remoteAddr[i * width + w] = words[from + ADDRESSES + width + w];
      }
      to.customer[i] = words[from + CUSTOMER];
      to.records[i] = words[from + RECORDS];
      to.customerPort[i] = words[from + PORTS] >>> 16;
      to.remotePort[i] = words[from + PORTS] & 0xffff;
      to.flagsOut[i] = words[from + FLAGS] & 0xffff;
      to.flagsIn[i] = words[from + FLAGS] >>> 16;
      to.protocol[i] = (words[from + MARKS] >>> 8) & 0xff;
      to.role[i] = words[from + ORIENTATION] >>> 8;
      to.reason[i] = words[from + ORIENTATION] & 0xff;
      to.grade[i] = this.#finalGrade(row);
      to.counterStart[i] = counter;
      for (let entry = words[from + COUNTER]; entry !== 0; counter++) {
        const at = (entry - 1) * COUNTER_WORDS;
        const count = (entry - 1) * COUNTS;
        counters.sensor[counter] = this.#counters[at + SENSOR];
        counters.samplingRate[counter] = this.#counters[at + RATE];
        counters.outPackets[counter] = this.#counts[count + OUT_PACKETS];
        counters.outBytes[counter] = this.#counts[count + OUT_BYTES];
        counters.inPackets[counter] = this.#counts[count + IN_PACKETS];
        counters.inBytes[counter] = this.#counts[count + IN_BYTES];
        entry = this.#counters[at + NEXT];
      }
    }
    return {
      origin,
      family: this.#family,
      rows,
      counterRows,
      sensors: this.#sensors.list,
      customers: this.#customers.list,
      referenceVersion: '',
      columns: to,
      counters,
    };
  }

  #growSlots(): void {
    const slots = new Uint32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let row = 0; row < this.#rows; row++) {
      let slot = this.#words[row * this.#stride + HASH] & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = row + 1;
    }
    this.#slots = slots;
  }
}

/**
 * A dictionary that takes over the first list it is given. As long as the same array comes again,
 * which within a process is always, indexes stay as they are.
 */
class AdoptedNames {
  #adopted: readonly string[] | undefined;
  #own: Names | undefined;

  get list(): readonly string[] {
    return this.#own?.list ?? this.#adopted ?? [];
  }

  /** Index in this dictionary of each of `names`; undefined where they are the same. */
  indexesOf(names: readonly string[]): Uint32Array | undefined {
    this.#adopted ??= names;
    if (this.#own === undefined) {
      if (names === this.#adopted) return undefined;
      this.#own = new Names();
      for (const name of this.#adopted) this.#own.indexOf(name);
    }
    const own = this.#own;
    return Uint32Array.from(names, (name) => own.indexOf(name));
  }
}

function roleOf(client: number, customerSide: number): number {
  if (client === NO_SIDE) return ROLE.unknown;
  return client === customerSide ? ROLE.client : ROLE.server;
}

/** One round of a 32-bit mixing function. */
function mix(h: number, value: number): number {
  const m = Math.imul(h ^ value, 0x85ebca6b);
  return Math.imul(m ^ (m >>> 13), 0xc2b2ae35) ^ (m >>> 16);
}

function grownWords(array: Uint32Array): Uint32Array {
  const larger = new Uint32Array(array.length * 2);
  larger.set(array);
  return larger;
}

function grownDoubles(array: Float64Array): Float64Array {
  const larger = new Float64Array(array.length * 2);
  larger.set(array);
  return larger;
}
