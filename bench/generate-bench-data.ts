import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DAY_FILTERS, GROUP_FILTERS } from '../filters/filters.js';
import { formatAddress4 } from '../pipeline/address.js';
import { Random } from '../launch/generate/random.js';
import { CSV_HEADER } from '../launch/generate/row.js';

/** How much to generate; see README.md. */
export interface BenchSize {
  readonly flows: number;
  readonly customerPrefixes: number;
  readonly customers: number;
  readonly threats: number;
  readonly countryRanges: number;
  readonly services: number;
}

export const BENCH_SIZE: BenchSize = {
  flows: 5_000_000,
  customerPrefixes: 100_000,
  customers: 1_000,
  threats: 1_000_000,
  countryRanges: 500_000,
  services: 1_000_000,
};

/** What was written. */
export interface BenchData {
  /** With the six filters that judge single conversations, and without a history: what the hand loop does. */
  readonly config: string;
  /** With all filters and a history. */
  readonly allFilters: string;
  readonly flowFiles: readonly string[];
  readonly flows: number;
  readonly bytes: number;
}

/**
 * Documentation ranges are too small for a million entries, so addresses here are made up in
 * ordinary unicast space: customers' /24s from 20.0.0.0 on, remotes in 64.0.0.0/3.
 */
const CUSTOMER_BASE = 0x14000000;
/** Addresses from one customer prefix to the next: they are not neighbours. */
const CUSTOMER_STRIDE = 1536;
const REMOTE_BASE = 0x40000000;
const REMOTE_SIZE = 0x20000000;
/** Neighbouring /22s fill the remotes' space. */
const COUNTRY_RANGE_SIZE = 1024;
/** Most traffic goes to few remotes. */
const POPULAR_REMOTES = 200_000;

const START_MS = Date.UTC(2025, 2, 3);
const DAY_MS = 86_400_000;
const FILES = 4;

/** Parts in 65,536 of the records. */
const ESTABLISHED = 0.52 * 65536;
const ATTEMPTS = 0.1 * 65536;
const DATAGRAMS = 0.18 * 65536;
/** Of the established records: another sensor's, or the other direction's, of a conversation that was there. */
const REPEATED = 65536 / 3;

const PORTS = [
  443, 443, 443, 443, 443, 443, 443, 443, 443, 80, 80, 22, 25, 993, 8080, 8443,
] as const;
/** Rarely; among them what the policy bans and the inventory finds insecure. */
const RARE_PORTS = [21, 23, 3389, 5900, 6881, 6885, 27017, 4444] as const;

const SENSORS = Array.from({ length: 16 }, (_, i) =>
  Buffer.from(`border-rtr-${String(i).padStart(2, '0')}.region-${i % 4}.example.net\n`),
);
const RATES = [1, 100, 1000, 1000] as const;

/** Writes flows, feeds and configuration to an empty directory; the same for the same seed. */
export function generateBenchData(directory: string, seed: number, size: BenchSize): BenchData {
  mkdirSync(join(directory, 'flows'), { recursive: true });
  mkdirSync(join(directory, 'country'));
  const popular = new Uint32Array(POPULAR_REMOTES);
  const random = new Random(seed, 1);
  for (let i = 0; i < popular.length; i++) popular[i] = anyRemote(random);
  writeCustomers(directory, size);
  writeThreats(directory, size, new Random(seed, 2), popular);
  writeCountries(directory, size, new Random(seed, 3));
  writeServices(directory, size, new Random(seed, 4), popular);
  const config = join(directory, 'flowsieve.yaml');
  writeFileSync(config, configuration(false));
  const allFilters = join(directory, 'all-filters.yaml');
  writeFileSync(allFilters, configuration(true));
  const { files, bytes } = writeFlows(directory, size, new Random(seed, 5), popular);
  return { config, allFilters, flowFiles: files, flows: size.flows, bytes };
}

function anyRemote(random: Random): number {
  return REMOTE_BASE + (random.next() & (REMOTE_SIZE - 1));
}

function customerPrefix(index: number): number {
  return CUSTOMER_BASE + index * CUSTOMER_STRIDE;
}

const FEEDS = [
  ['c2', 'c2', 0.5],
  ['malware', 'malware', 0.25],
  ['vpn', 'vpn', 0.1],
  ['tor', 'tor', 0.05],
  ['honeypots', 'honeypot', 0.05],
  ['vendor-x', 'vendor-x', 0.04],
  ['clouds', 'shared', 0.01],
] as const;

/** Filters that the hand loop has not. */
const COUNTING = [...GROUP_FILTERS, ...DAY_FILTERS].map(({ id }) => id);

/** TCP 6881-6889 and the vendor are banned for everybody: a fixed policy, as the hand loop has it. */
const configuration = (counting: boolean): string => `# generated for the bench
customers: customers.csv
inputs:
  - { uri: "flows/*.csv", format: csv }
reference:
  feeds:
${FEEDS.map(
  ([name, category]) =>
    `    - { name: ${name}, kind: tags, category: ${category}, format: address-list, uri: ${name}.txt }\n`,
).join('')}    - { name: geo, kind: countries, format: country-prefixes, uri: country/ }
    - { name: scan, kind: inventory, format: csv, uri: inventory.csv }
  snapshot: snapshot/
filters:
  sanctioned-country: { countries: [CU, IR, KP] }
  policy-violation: { banned: ["tag:vendor-x", "tcp/6881-6889"] }
${counting ? '' : COUNTING.map((id) => `  ${id}: { enabled: false }\n`).join('')}history: ${counting ? 'history' : 'false'}
window: 5m
findingWindow: 1d
output: out
`;

/** Collects lines and writes them a megabyte at a time. */
class LineFile {
  readonly #fd: number;
  #text = '';

  constructor(path: string) {
    this.#fd = openSync(path, 'w');
  }

  add(line: string): void {
    this.#text += line;
    if (this.#text.length > 1 << 20) this.#flush();
  }

  close(): void {
    this.#flush();
    closeSync(this.#fd);
  }

  #flush(): void {
    writeSync(this.#fd, this.#text);
    this.#text = '';
  }
}

function writeCustomers(directory: string, size: BenchSize): void {
  const file = new LineFile(join(directory, 'customers.csv'));
  file.add('customer,cidr\n');
  for (let i = 0; i < size.customerPrefixes; i++) {
    const name = `customer-${i % size.customers}`;
    file.add(`${name},${formatAddress4(customerPrefix(i))}/24\n`);
  }
  file.close();
}

/** Mostly bare addresses; a tenth ip:port, a fiftieth prefixes. Shared ranges and the vendor are prefixes only. */
function writeThreats(
  directory: string,
  size: BenchSize,
  random: Random,
  popular: Uint32Array,
): void {
  for (const [name, , share] of FEEDS) {
    const file = new LineFile(join(directory, `${name}.txt`));
    const networks = name === 'clouds' || name === 'vendor-x';
    for (let i = Math.round(size.threats * share); i > 0; i--) {
      // A few of the remotes that many talk to are threats; else findings would not be rare.
      const address =
        random.int(4000) === 0 ? popular[random.int(popular.length)] : anyRemote(random);
      const kind = random.int(50);
      if (networks || kind === 0) {
        const bits = name === 'clouds' ? 26 : 28;
        const network = (address & (-1 << (32 - bits))) >>> 0;
        file.add(`${formatAddress4(network)}/${bits}\n`);
      } else if (kind < 6) {
        file.add(`${formatAddress4(address)}:${random.pick(PORTS)}\n`);
      } else {
        file.add(`${formatAddress4(address)}\n`);
      }
    }
    file.close();
  }
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const SANCTIONED = ['cu', 'ir', 'kp'];

function writeCountries(directory: string, size: BenchSize, random: Random): void {
  const codes = Array.from(
    { length: 200 },
    (_, i) => `${LETTERS[i % 8]}${LETTERS[Math.floor(i / 8)]}`,
  ).filter((code) => !SANCTIONED.includes(code));
  const files = new Map(
    [...codes, ...SANCTIONED].map((code) => [
      code,
      new LineFile(join(directory, 'country', `${code}.txt`)),
    ]),
  );
  for (let i = 0; i < size.countryRanges; i++) {
    // Sanctioned countries hold few addresses.
    const code = random.int(2000) === 0 ? random.pick(SANCTIONED) : random.pick(codes);
    const start = REMOTE_BASE + i * COUNTRY_RANGE_SIZE;
    files.get(code)?.add(`${formatAddress4(start)}/22\n`);
  }
  for (const file of files.values()) file.close();
}

const TAGS = ['', '', '', '', '', '', '', '', 'self-signed', 'telnet', 'end-of-life'] as const;

function writeServices(
  directory: string,
  size: BenchSize,
  random: Random,
  popular: Uint32Array,
): void {
  const file = new LineFile(join(directory, 'inventory.csv'));
  file.add('ip,port,protocol,service,tags,seen-first,seen-last\n');
  for (let i = 0; i < size.services; i++) {
    const kind = random.int(200);
    const address =
      kind === 0
        ? popular[random.int(popular.length)]
        : kind < 10
          ? customerPrefix(random.int(size.customerPrefixes)) + random.int(256)
          : anyRemote(random);
    const port = random.pick(PORTS);
    file.add(
      `${formatAddress4(address)},${port},tcp,service,${random.pick(TAGS)},2025-01-06,2025-03-02\n`,
    );
  }
  file.close();
}

const OUT_BYTES = 4 << 20;
const LONGEST_ROW = 256;

/** A CSV file under construction, bytes by hand: 5 M rows in seconds. */
class RowFile {
  readonly path: string;
  bytes = 0;
  readonly #fd: number;
  readonly #out = Buffer.allocUnsafe(OUT_BYTES);
  #at = 0;

  constructor(path: string) {
    this.path = path;
    this.#fd = openSync(path, 'w');
    this.#at = this.#out.write(CSV_HEADER, 'latin1');
  }

  number(value: number): void {
    const out = this.#out;
    let digits = 1;
    for (let power = 10; value >= power; power *= 10) digits++;
    let rest = value;
    for (let at = this.#at + digits - 1; at >= this.#at; at--) {
      const next = Math.floor(rest / 10);
      out[at] = 48 + rest - next * 10;
      rest = next;
    }
    this.#at += digits;
    out[this.#at++] = 44;
  }

  address(word: number): void {
    const out = this.#out;
    for (let shift = 24; shift >= 0; shift -= 8) {
      const octet = (word >>> shift) & 255;
      if (octet >= 100) out[this.#at++] = 48 + Math.floor(octet / 100);
      if (octet >= 10) out[this.#at++] = 48 + (Math.floor(octet / 10) % 10);
      out[this.#at++] = 48 + (octet % 10);
      out[this.#at++] = shift > 0 ? 46 : 44;
    }
  }

  /** Ends the row; `last` has the line feed. */
  end(last: Buffer): void {
    last.copy(this.#out, this.#at);
    this.#at += last.length;
    if (this.#at > OUT_BYTES - LONGEST_ROW) this.#flush();
  }

  close(): void {
    this.#flush();
    closeSync(this.#fd);
  }

  #flush(): void {
    writeSync(this.#fd, this.#out, 0, this.#at);
    this.bytes += this.#at;
    this.#at = 0;
  }
}

/** Conversations that a later record may repeat. */
const RECENT = 4096;

function writeFlows(
  directory: string,
  size: BenchSize,
  random: Random,
  popular: Uint32Array,
): { files: readonly string[]; bytes: number } {
  const files = Array.from(
    { length: FILES },
    (_, i) => new RowFile(join(directory, 'flows', `part-${i}.csv`)),
  );
  const recent = {
    ours: new Uint32Array(RECENT),
    theirs: new Uint32Array(RECENT),
    clientPort: new Uint16Array(RECENT),
    serverPort: new Uint16Array(RECENT),
    inbound: new Uint8Array(RECENT),
    endMs: new Float64Array(RECENT),
    sensor: new Uint8Array(RECENT),
    count: 0,
  };
  for (let i = 0; i < size.flows; i++) {
    // A file is a quarter of the day; within it records are a minute out of order.
    const file = files[Math.floor((i * FILES) / size.flows)];
    const dice = random.next();
    const kind = dice & 0xffff;
    const more = dice >>> 16;
    let sensor = more & 15;
    let endMs = START_MS + Math.floor((i / size.flows) * DAY_MS) + random.int(60_000);
    let lengthMs = random.int(20_000);
    let protocol = 6;
    let flags = 0;
    let ours = customerPrefix(random.int(size.customerPrefixes)) + random.int(256);
    let theirs = random.int(10) < 7 ? popular[random.int(popular.length)] : anyRemote(random);
    let clientPort = 1024 + random.int(64_512);
    let serverPort: number = random.int(200) === 0 ? random.pick(RARE_PORTS) : random.pick(PORTS);
    let inbound = random.int(8) === 0;
    let fromClient = (more & 256) !== 0;
    let packets = 1 + (random.next() >>> (20 + random.int(12)));
    if (kind < ESTABLISHED) {
      flags = random.int(4) === 0 ? 0x18 : 0x1b;
      if (flags === 0x1b) packets += 3;
      if (recent.count >= RECENT && random.int(65536) < REPEATED) {
        const of = random.int(RECENT);
        ours = recent.ours[of];
        theirs = recent.theirs[of];
        clientPort = recent.clientPort[of];
        serverPort = recent.serverPort[of];
        inbound = recent.inbound[of] === 1;
        endMs = recent.endMs[of] + random.int(3);
        sensor = (recent.sensor[of] + random.int(2)) & 15;
      } else {
        const at = recent.count++ % RECENT;
        recent.ours[at] = ours;
        recent.theirs[at] = theirs;
        recent.clientPort[at] = clientPort;
        recent.serverPort[at] = serverPort;
        recent.inbound[at] = inbound ? 1 : 0;
        recent.endMs[at] = endMs;
        recent.sensor[at] = sensor;
      }
    } else if (kind < ESTABLISHED + ATTEMPTS) {
      packets = 1 + random.int(3);
      flags = fromClient ? 0x02 : 0x14;
      lengthMs = 0;
    } else if (kind < ESTABLISHED + ATTEMPTS + DATAGRAMS) {
      protocol = 17;
      serverPort = random.int(2) === 0 ? 53 : 443;
    } else {
      // Transit: nobody's.
      ours = anyRemote(random);
      flags = 0x1b;
      fromClient = !fromClient;
      packets += 3;
    }
    const clientAddr = inbound ? theirs : ours;
    const serverAddr = inbound ? ours : theirs;
    file.number(endMs - lengthMs);
    file.number(endMs);
    file.address(fromClient ? clientAddr : serverAddr);
    file.address(fromClient ? serverAddr : clientAddr);
    file.number(fromClient ? clientPort : serverPort);
    file.number(fromClient ? serverPort : clientPort);
    file.number(protocol);
    file.number(packets);
    file.number(packets * (52 + random.int(1400)));
    file.number(flags);
    file.number(RATES[sensor & 3]);
    file.end(SENSORS[sensor]);
  }
  for (const file of files) file.close();
  return {
    files: files.map(({ path }) => path),
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}
