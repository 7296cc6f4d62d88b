import { closeSync, openSync, readSync } from 'node:fs';
import { formatAddress4 } from '../pipeline/address.js';
import { ACK, FIN, GRADE, PSH, REASON, ROLE, RST, SYN, TCP } from '../pipeline/codes.js';
import type { Reference, TagEntry } from '../reference/reference.js';
import { openSnapshot } from '../reference/snapshot.js';
import { neverRemote, special4 } from '../reference/special-addresses.js';
import { isKnownService } from '../transforms/orient/known-services.js';

/**
 * The whole job as a programmer would write it who needs only this one: canonical CSV over IPv4, the
 * six filters with the bench's fixed policy, one loop, no Beam, no batches, no seams. What the job is
 * measured against, so it is made to be fast; it shares the look-up tables and nothing else.
 *
 * Counts findings instead of writing them: distinct (filter, customer, both addresses, service,
 * indicator, UTC day).
 */
export interface HandLoopResult {
  readonly flows: number;
  readonly rejected: number;
  readonly conversations: number;
  readonly findings: number;
  /** Reading and judging; without opening the snapshot. */
  readonly seconds: number;
}

const WINDOW_MS = 300_000;
const DAY_MS = 86_400_000;
const CHUNK_BYTES = 4 << 20;
const LONGEST_LINE = 1 << 16;
const COMMA = 44;
const LINE_FEED = 10;
const HEADER =
  'start_ms,end_ms,src_ip,dst_ip,src_port,dst_port,protocol,packets,bytes,tcp_flags,sampling_rate,sensor';

const ANSWERED_OUT = 1;
const ANSWERED_IN = 2;
const ACK_OUT = 4;
const ACK_IN = 8;

/** Runs over the files with an opened snapshot. Throws where a header is not the canonical one. */
export function handLoop(files: readonly string[], reference: Reference): HandLoopResult {
  const began = performance.now();
  const loop = new Loop(reference);
  for (const file of files) loop.read(file);
  const { conversations, findings } = loop.judge();
  const seconds = (performance.now() - began) / 1000;
  return { flows: loop.flows, rejected: loop.rejected, conversations, findings, seconds };
}

/** Opens the snapshot at `directory` of that version. */
export function openReference(directory: string, version: string): Reference {
  return openSnapshot({ directory, version });
}

class Loop {
  flows = 0;
  rejected = 0;
  readonly #reference: Reference;
  /** Customer of a claim; -1 = nobody, -2 = several. */
  readonly #owner: Int32Array;
  readonly #windows = new Map<number, WindowTable>();
  #windowFromMs = Infinity;
  #window: WindowTable = new WindowTable(0, 0);
  readonly #sensors: Buffer[] = [];
  readonly #sensorSlots = new Int32Array(1024).fill(-1);
  #at = 0;

  constructor(reference: Reference) {
    this.#reference = reference;
    const { customers } = reference;
    const owners: number[] = [-1];
    // Claims are numbered without gaps; the table does not say how many, but answers nothing beyond.
    for (let claim = 1; ; claim++) {
      const claimants = customers.claimants(claim) as readonly number[] | undefined;
      if (claimants === undefined || claimants.length === 0) break;
      owners.push(claimants.length === 1 ? claimants[0] : -2);
    }
    this.#owner = Int32Array.from(owners);
  }

  read(path: string): void {
    const fd = openSync(path, 'r');
    const bytes = Buffer.allocUnsafe(CHUNK_BYTES + LONGEST_LINE);
    let kept = 0;
    let first = true;
    for (;;) {
      const got = readSync(fd, bytes, kept, CHUNK_BYTES, null);
      if (got === 0) break;
      const end = kept + got;
      const whole = bytes.lastIndexOf(LINE_FEED, end - 1) + 1;
      let from = 0;
      if (first) {
        from = bytes.indexOf(LINE_FEED) + 1;
        const header = bytes.toString('latin1', 0, from - 1);
        if (header !== HEADER) throw new Error(`${path}: the header is ${header}`);
        first = false;
      }
      this.#lines(bytes, from, whole);
      kept = end - whole;
      bytes.copyWithin(0, whole, end);
    }
    closeSync(fd);
  }

  /** Reads a number up to the next comma; -1 if it is none. */
  #number(bytes: Buffer): number {
    let at = this.#at;
    let value = 0;
    let c = bytes[at];
    while (c !== COMMA) {
      const digit = c - 48;
      if (digit < 0 || digit > 9) return -1;
      value = value * 10 + digit;
      c = bytes[++at];
    }
    this.#at = at + 1;
    return value;
  }

  /** The same for numbers beyond 2^31 that have 13 digits: integers stay small integers. */
  #time(bytes: Buffer): number {
    const at = this.#at;
    if (bytes[at + 13] !== COMMA) return this.#number(bytes);
    let high = 0;
    let low = 0;
    for (let i = at; i < at + 7; i++) high = high * 10 + bytes[i] - 48;
    for (let i = at + 7; i < at + 13; i++) low = low * 10 + bytes[i] - 48;
    this.#at = at + 14;
    return high * 1_000_000 + low;
  }

  /** Reads an IPv4 address up to the next comma; -1 if it is none. */
  #address(bytes: Buffer): number {
    let at = this.#at;
    let word = 0;
    let octet = 0;
    let dots = 0;
    for (;;) {
      const c = bytes[at++];
      if (c >= 48 && c <= 57) {
        octet = octet * 10 + c - 48;
        if (octet > 255) return -1;
      } else if (c === 46) {
        word = (word << 8) | octet;
        octet = 0;
        dots++;
      } else if (c === COMMA) {
        break;
      } else {
        return -1;
      }
    }
    if (dots !== 3) return -1;
    this.#at = at;
    return ((word << 8) | octet) >>> 0;
  }

  /** Number of the sensor that `bytes` name from `from` to `to`. */
  #sensor(bytes: Buffer, from: number, to: number): number {
    let h = to - from;
    for (let i = from; i < to; i++) h = Math.imul(h ^ bytes[i], 0x01000193);
    const sensors = this.#sensors;
    for (let slot = (h ^ (h >>> 15)) & 1023; ; slot = (slot + 1) & 1023) {
      const id = this.#sensorSlots[slot];
      if (id < 0) {
        if (sensors.length >= 1000) throw new Error('more than 1000 sensors');
        this.#sensorSlots[slot] = sensors.length;
        return sensors.push(Buffer.from(bytes.subarray(from, to))) - 1;
      }
      const known = sensors[id];
      let i = known.length === to - from ? 0 : -1;
      while (i >= 0 && i < known.length) i = known[i] === bytes[from + i] ? i + 1 : -1;
      if (i === known.length) return id;
    }
  }

  #lines(bytes: Buffer, from: number, end: number): void {
    const { customers } = this.#reference;
    const owner = this.#owner;
    this.#at = from;
    while (this.#at < end) {
      this.flows++;
      const startMs = this.#time(bytes);
      const endMs = this.#time(bytes);
      const src = this.#address(bytes);
      const dst = src < 0 ? -1 : this.#address(bytes);
      const srcPort = dst < 0 ? -1 : this.#number(bytes);
      const dstPort = srcPort < 0 ? -1 : this.#number(bytes);
      const protocol = dstPort < 0 ? -1 : this.#number(bytes);
      if (protocol !== TCP || startMs < 0 || endMs < startMs) {
        if (protocol < 0 || startMs < 0 || endMs < startMs) this.rejected++;
        this.#at = bytes.indexOf(LINE_FEED, this.#at) + 1;
        continue;
      }
      const packets = this.#number(bytes);
      const octets = this.#number(bytes);
      const flags = this.#number(bytes);
      const rate = this.#number(bytes);
      const sensorFrom = this.#at;
      const lineEnd = bytes.indexOf(LINE_FEED, sensorFrom);
      this.#at = lineEnd + 1;
      if (packets < 0 || octets < 0 || flags < 0 || rate < 0) {
        this.rejected++;
        continue;
      }
      const srcOwner = owner[customers.find4(src)];
      const dstOwner = owner[customers.find4(dst)];
      // Nobody's or one customer's own; addresses of several customers are nobody's either.
      if (srcOwner === dstOwner || (srcOwner < 0 && dstOwner < 0)) continue;
      const sensor = this.#sensor(bytes, sensorFrom, lineEnd);

      let grade: number = GRADE.attempt;
      if ((flags & ACK) !== 0) {
        const ending = flags & (FIN | SYN | RST);
        if ((flags & PSH) !== 0 || (ending & (FIN | RST)) === FIN) grade = GRADE.strong;
        else if (ending !== RST) grade = (ending & SYN) !== 0 ? GRADE.answered : GRADE.medium;
      } else if (flags === 0) {
        grade = packets >= 4 && octets > packets * 60 ? GRADE.medium : GRADE.unknown;
      }

      // Side: 1 = the source is the client, 2 = the destination, 0 = unknown.
      let side = 0;
      let reason: number = REASON.unknown;
      if ((flags & SYN) !== 0 && ((flags & ACK) === 0 || packets === 1)) {
        side = (flags & ACK) === 0 ? 1 : 2;
        reason = REASON.handshake;
      } else {
        const srcKnown = isKnownService(srcPort);
        const low = srcPort < dstPort ? srcPort : dstPort;
        const high = srcPort < dstPort ? dstPort : srcPort;
        if (srcKnown !== isKnownService(dstPort)) {
          side = srcKnown ? 2 : 1;
          reason = REASON.knownService;
        } else if (low !== high) {
          side = srcPort > dstPort ? 1 : 2;
          if (low < 1024 && high >= 1024) reason = REASON.privilegedPort;
          else if ((low < 32768 && high >= 32768) || (low < 49152 && high >= 49152)) {
            reason = REASON.ephemeralPort;
          } else reason = REASON.lowerPort;
        }
      }

      if (endMs < this.#windowFromMs || endMs >= this.#windowFromMs + WINDOW_MS) {
        this.#openWindow(endMs);
      }
      const window = this.#window;
      if (srcOwner >= 0) {
        const role = side === 0 ? ROLE.unknown : side === 1 ? ROLE.client : ROLE.server;
        window.add(
          srcOwner,
          src,
          srcPort,
          dst,
          dstPort,
          true,
          startMs,
          endMs,
          packets,
          octets,
          flags,
          rate,
          sensor,
          grade,
          role,
          reason,
        );
      }
      if (dstOwner >= 0) {
        const role = side === 0 ? ROLE.unknown : side === 2 ? ROLE.client : ROLE.server;
        window.add(
          dstOwner,
          dst,
          dstPort,
          src,
          srcPort,
          false,
          startMs,
          endMs,
          packets,
          octets,
          flags,
          rate,
          sensor,
          grade,
          role,
          reason,
        );
      }
    }
  }

  #openWindow(endMs: number): void {
    const fromMs = Math.floor(endMs / WINDOW_MS) * WINDOW_MS;
    let window = this.#windows.get(fromMs);
    if (window === undefined) {
      window = new WindowTable(fromMs, this.#window.rows);
      this.#windows.set(fromMs, window);
    }
    this.#windowFromMs = fromMs;
    this.#window = window;
  }

  judge(): { conversations: number; findings: number } {
    const judge = new Judge(this.#reference);
    let conversations = 0;
    for (const window of this.#windows.values()) {
      conversations += window.rows;
      judge.window(window);
    }
    return { conversations, findings: judge.findings.size };
  }
}

/** Conversations of one window: open addressing over typed arrays, as small as it may be to stay in cache. */
class WindowTable {
  readonly fromMs: number;
  rows = 0;
  customer: Uint32Array;
  ourAddr: Uint32Array;
  theirAddr: Uint32Array;
  ports: Uint32Array;
  firstMs: Float64Array;
  lastMs: Float64Array;
  records: Uint32Array;
  grade: Uint8Array;
  reason: Uint8Array;
  role: Uint8Array;
  reasonMs: Float64Array;
  directions: Uint8Array;
  #slots: Int32Array;
  #firstCounter: Int32Array;
  #counters = 0;
  #nextCounter: Int32Array;
  /** sensor and rate. */
  #counterOf: Float64Array;
  #outPackets: Float64Array;
  #outBytes: Float64Array;
  #inPackets: Float64Array;
  #inBytes: Float64Array;
  /** Fingerprints of records, so that one delivered twice counts once. */
  #seenHigh: Int32Array;
  #seenLow: Int32Array;
  #seen = 0;

  /** `rows` conversations are expected. */
  constructor(fromMs: number, rows: number) {
    this.fromMs = fromMs;
    const capacity = 1 << (32 - Math.clz32(Math.max(1023, rows)));
    this.customer = new Uint32Array(capacity);
    this.ourAddr = new Uint32Array(capacity);
    this.theirAddr = new Uint32Array(capacity);
    this.ports = new Uint32Array(capacity);
    this.firstMs = new Float64Array(capacity);
    this.lastMs = new Float64Array(capacity);
    this.records = new Uint32Array(capacity);
    this.grade = new Uint8Array(capacity);
    this.reason = new Uint8Array(capacity);
    this.role = new Uint8Array(capacity);
    this.reasonMs = new Float64Array(capacity);
    this.directions = new Uint8Array(capacity);
    this.#slots = new Int32Array(capacity * 2).fill(-1);
    this.#firstCounter = new Int32Array(capacity);
    this.#nextCounter = new Int32Array(capacity);
    this.#counterOf = new Float64Array(capacity);
    this.#outPackets = new Float64Array(capacity);
    this.#outBytes = new Float64Array(capacity);
    this.#inPackets = new Float64Array(capacity);
    this.#inBytes = new Float64Array(capacity);
    this.#seenHigh = new Int32Array(capacity * 2);
    this.#seenLow = new Int32Array(capacity * 2);
  }

  add(
    customer: number,
    ourAddr: number,
    ourPort: number,
    theirAddr: number,
    theirPort: number,
    out: boolean,
    startMs: number,
    endMs: number,
    packets: number,
    octets: number,
    flags: number,
    rate: number,
    sensor: number,
    grade: number,
    role: number,
    reason: number,
  ): void {
    const ports = ((ourPort << 16) | theirPort) >>> 0;
    const h = mix(mix(mix(customer + 1, ourAddr), theirAddr), ports);
    const startLow = (startMs - this.fromMs) | 0;
    const endLow = (endMs - this.fromMs) | 0;
    const a = mix(
      mix(mix(h, startLow), endLow),
      (flags << 8) ^ (out ? 1 : 0) ^ Math.imul(sensor + 1, 0x9e3779b1),
    );
    const b = mix(mix(mix(Math.imul(h, 0x27d4eb2f) ^ a, packets), octets), rate);
    if (!this.#isNew(a, b)) return;

    let slot = h & (this.#slots.length - 1);
    let row = this.#slots[slot];
    while (
      row >= 0 &&
      (this.ports[row] !== ports ||
        this.theirAddr[row] !== theirAddr ||
        this.ourAddr[row] !== ourAddr ||
        this.customer[row] !== customer)
    ) {
      slot = (slot + 1) & (this.#slots.length - 1);
      row = this.#slots[slot];
    }
    if (row < 0) {
      if (this.rows === this.customer.length) this.#growRows();
      row = this.rows++;
      this.#slots[slot] = row;
      this.customer[row] = customer;
      this.ourAddr[row] = ourAddr;
      this.theirAddr[row] = theirAddr;
      this.ports[row] = ports;
      this.firstMs[row] = startMs;
      this.lastMs[row] = endMs;
      this.#firstCounter[row] = -1;
      if (this.rows * 2 > this.#slots.length) this.#growSlots();
    }
    this.records[row]++;
    if (startMs < this.firstMs[row]) this.firstMs[row] = startMs;
    if (endMs > this.lastMs[row]) this.lastMs[row] = endMs;
    if (grade > this.grade[row]) this.grade[row] = grade;
    if ((flags & ACK) !== 0 && (flags & RST) === 0) this.directions[row] |= out ? ACK_OUT : ACK_IN;
    if (grade === GRADE.answered) this.directions[row] |= out ? ANSWERED_OUT : ANSWERED_IN;
    const best = this.reason[row];
    if (
      reason > best ||
      (reason === best &&
        reason !== REASON.unknown &&
        (startMs < this.reasonMs[row] || (startMs === this.reasonMs[row] && role < this.role[row])))
    ) {
      this.reason[row] = reason;
      this.role[row] = role;
      this.reasonMs[row] = startMs;
    }

    const counterOf = sensor * 4294967296 + rate;
    let counter = this.#firstCounter[row];
    while (counter >= 0 && this.#counterOf[counter] !== counterOf)
      counter = this.#nextCounter[counter];
    if (counter < 0) {
      if (this.#counters === this.#counterOf.length) this.#growCounters();
      counter = this.#counters++;
      this.#counterOf[counter] = counterOf;
      this.#nextCounter[counter] = this.#firstCounter[row];
      this.#firstCounter[row] = counter;
    }
    if (out) {
      this.#outPackets[counter] += packets;
      this.#outBytes[counter] += octets;
    } else {
      this.#inPackets[counter] += packets;
      this.#inBytes[counter] += octets;
    }
  }

  #isNew(high: number, low: number): boolean {
    const some = (high | low) === 0 ? 1 : low;
    const mask = this.#seenLow.length - 1;
    let at = high & mask;
    while ((this.#seenHigh[at] | this.#seenLow[at]) !== 0) {
      if (this.#seenHigh[at] === high && this.#seenLow[at] === some) return false;
      at = (at + 1) & mask;
    }
    this.#seenHigh[at] = high;
    this.#seenLow[at] = some;
    if (++this.#seen * 2 > this.#seenLow.length) this.#growSeen();
    return true;
  }

  #growSeen(): void {
    const high = this.#seenHigh;
    const low = this.#seenLow;
    this.#seenHigh = new Int32Array(high.length * 2);
    this.#seenLow = new Int32Array(high.length * 2);
    const mask = this.#seenLow.length - 1;
    for (let i = 0; i < high.length; i++) {
      if ((high[i] | low[i]) === 0) continue;
      let at = high[i] & mask;
      while ((this.#seenHigh[at] | this.#seenLow[at]) !== 0) at = (at + 1) & mask;
      this.#seenHigh[at] = high[i];
      this.#seenLow[at] = low[i];
    }
  }

  #growSlots(): void {
    this.#slots = new Int32Array(this.#slots.length * 2).fill(-1);
    const mask = this.#slots.length - 1;
    for (let row = 0; row < this.rows; row++) {
      const { customer, ourAddr, theirAddr, ports } = this;
      const h = mix(mix(mix(customer[row] + 1, ourAddr[row]), theirAddr[row]), ports[row]);
      let slot = h & mask;
      while (this.#slots[slot] >= 0) slot = (slot + 1) & mask;
      this.#slots[slot] = row;
    }
  }

  #growRows(): void {
    this.customer = doubled(this.customer);
    this.ourAddr = doubled(this.ourAddr);
    this.theirAddr = doubled(this.theirAddr);
    this.ports = doubled(this.ports);
    this.firstMs = doubled(this.firstMs);
    this.lastMs = doubled(this.lastMs);
    this.records = doubled(this.records);
    this.grade = doubled(this.grade);
    this.reason = doubled(this.reason);
    this.role = doubled(this.role);
    this.reasonMs = doubled(this.reasonMs);
    this.directions = doubled(this.directions);
    this.#firstCounter = doubled(this.#firstCounter);
  }

  #growCounters(): void {
    this.#nextCounter = doubled(this.#nextCounter);
    this.#counterOf = doubled(this.#counterOf);
    this.#outPackets = doubled(this.#outPackets);
    this.#outBytes = doubled(this.#outBytes);
    this.#inPackets = doubled(this.#inPackets);
    this.#inBytes = doubled(this.#inBytes);
  }
}

function mix(h: number, value: number): number {
  const m = Math.imul(h ^ value, 0x85ebca6b);
  return Math.imul(m ^ (m >>> 13), 0xc2b2ae35) ^ (m >>> 16);
}

function doubled<T extends Float64Array | Uint32Array | Int32Array | Uint8Array>(array: T): T {
  const larger = new (array.constructor as new (length: number) => T)(array.length * 2);
  larger.set(array);
  return larger;
}

/** The six filters over established conversations. */
class Judge {
  readonly findings = new Set<string>();
  readonly #reference: Reference;
  readonly #names: ReadonlyMap<string, ReadonlySet<string>>;

  constructor(reference: Reference) {
    this.#reference = reference;
    this.#names = new Map([
      ['known-bad-remote', new Set(['c2', 'malware'])],
      ['anonymizer', new Set(['tor', 'vpn'])],
      ['honeypot-contact', new Set(['honeypot'])],
    ]);
  }

  window(table: WindowTable): void {
    const { tags, inventory, countries, customers } = this.#reference;
    const shared = tags.mask(['shared']);
    const bad = tags.mask(['c2', 'malware']);
    const anonymizers = tags.mask(['tor', 'vpn']);
    const honeypots = tags.mask(['honeypot']);
    const vendor = tags.mask(['vendor-x']);
    const insecure = inventory.tagMask(['self-signed', 'telnet', 'end-of-life']);
    const sanctioned = Uint8Array.from(countries.codes, (code) =>
      code === 'CU' || code === 'IR' || code === 'KP' ? 1 : 0,
    );
    const day = Math.floor(table.fromMs / DAY_MS);
    for (let row = 0; row < table.rows; row++) {
      let grade = table.grade[row];
      if (grade === GRADE.answered) {
        const seen = table.directions[row];
        const out = (seen & ANSWERED_OUT) !== 0 && (seen & ACK_IN) !== 0;
        if (out || ((seen & ANSWERED_IN) !== 0 && (seen & ACK_OUT) !== 0)) grade = GRADE.medium;
      }
      if (grade < GRADE.medium) continue;
      const ours = table.ourAddr[row];
      const theirs = table.theirAddr[row];
      const ourPort = table.ports[row] >>> 16;
      const theirPort = table.ports[row] & 0xffff;
      if (this.#sharedCustomer(ours, shared)) continue;

      const set = tags.find4(theirs);
      const categories = tags.categoriesOf(set);
      const endpointSet = tags.findEndpoint4(theirs, theirPort);
      const endpointCategories = tags.categoriesOf(endpointSet);
      const isShared = (categories & shared) !== 0;
      const telling = isShared ? endpointCategories : categories | endpointCategories;
      const service = inventory.find4(theirs, theirPort, TCP);
      let role = table.role[row];
      let reason = table.reason[row];
      if (reason < REASON.inventory) {
        const serves = service !== 0;
        if (serves !== (inventory.find4(ours, ourPort, TCP) !== 0)) {
          role = serves ? ROLE.client : ROLE.server;
          reason = REASON.inventory;
        }
      }
      const servicePort = role === ROLE.unknown ? -1 : role === ROLE.client ? theirPort : ourPort;
      const country = countries.find4(theirs);
      const hits =
        (telling & (bad | anonymizers | honeypots)) |
        ((categories | endpointCategories) & vendor) |
        sanctioned[country] |
        (inventory.tagsOf(service) & insecure);
      if (hits === 0 && !(servicePort >= 6881 && servicePort <= 6889)) continue;
      if (neverRemote(special4(theirs))) continue;

      const found = (filter: string, indicator: string): void => {
        const who = customers.customers[table.customer[row]];
        this.findings.add(`${filter} ${who} ${ours} ${theirs} ${servicePort} ${indicator} ${day}`);
      };
      const listed = (filter: string): void => {
        const wanted = this.#names.get(filter);
        const entries: readonly TagEntry[] = isShared
          ? tags.entries(endpointSet)
          : [...tags.entries(endpointSet), ...tags.entries(set)];
        const match = entries.find(({ category }) => wanted?.has(category));
        if (match !== undefined) found(filter, match.entry);
      };
      if (sanctioned[country] === 1) found('sanctioned-country', countries.codes[country]);
      if ((telling & bad) !== 0 && role !== ROLE.server) listed('known-bad-remote');
      if ((telling & anonymizers) !== 0 && role === ROLE.client) listed('anonymizer');
      if ((telling & honeypots) !== 0 && role === ROLE.client && reason >= REASON.knownService) {
        listed('honeypot-contact');
      }
      if ((inventory.tagsOf(service) & insecure) !== 0 && role === ROLE.client) {
        found('insecure-remote-service', `${formatAddress4(theirs)}:${theirPort}/tcp`);
      }
      const ofRemote = role === ROLE.server ? categories : categories | endpointCategories;
      if ((ofRemote & vendor) !== 0) found('policy-violation', 'tag:vendor-x');
      else if (servicePort >= 6881 && servicePort <= 6889) {
        found('policy-violation', 'tcp/6881-6889');
      }
    }
  }

  #sharedCustomer(address: number, shared: number): boolean {
    const { tags, customers } = this.#reference;
    if ((tags.categoriesOf(tags.find4(address)) & shared) === 0) return false;
    return !customers.exclusive(customers.find4(address));
  }
}
