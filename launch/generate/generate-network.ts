import { TCP } from '../../pipeline/codes.js';
import { configurationText } from './configuration-text.js';
import type { Label } from './label.js';
import { labelKey } from './label.js';
import { observe } from './observe.js';
import { Random } from './random.js';
import { ReferenceEntries, referenceFiles, type NetworkFile } from './reference-files.js';
import type { Row, RowFormat } from './row.js';
import { Planting, protocolOf, SCENARIOS, type Planted, type Scenario } from './scenarios.js';
import { addressIn, CDN_SERVERS, SENSORS, type Sensor } from './topology.js';
import { OrdinaryTraffic } from './ordinary-traffic.js';
import { diurnalWeight, type TrueConversation } from './traffic.js';

export interface GenerateOptions {
  readonly seed: number;
  /** Records to aim at; a network has at least its planted ones (some 3,000), and may end a few above. */
  readonly flows: number;
  /** At least 1. */
  readonly hours: number;
  /** Milliseconds since 1970 UTC, a full hour. Default: 2025-03-03, at 0 or (below 12 hours) 9 UTC. */
  readonly startMs?: number;
  /** Instances of each scenario. */
  readonly instances?: number;
  readonly sensors?: readonly Sensor[];
  /** What the configuration says of the input. */
  readonly format?: RowFormat;
}

export interface Network {
  readonly startMs: number;
  readonly endMs: number;
  readonly sensors: readonly Sensor[];
  readonly format: RowFormat;
  readonly labels: readonly Label[];
  /** Reference data, policies, configuration and labels; everything but the flows. */
  readonly files: readonly NetworkFile[];
  /**
   * The flow records in the order they leave the sensors, made while they are read: each call makes
   * the same ones again. Memory holds the records of the last minutes only.
   */
  rows(): Iterable<Row>;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** A Monday. */
const DEFAULT_DAY = Date.UTC(2025, 2, 3);
const OFFICE_HOURS = 9 * HOUR;

const DEFAULT_INSTANCES = 3;
/** Planted conversations start no later than this before the end, and before midnight: a finding has one day. */
const LAST_START = 45 * MINUTE;
/** Of the records, delivered a second time. */
const REDELIVERED = 0.005;
/** Addresses of content networks that ordinary traffic uses and a threat list names: the list is wrong. */
const WRONGLY_LISTED = 20;
const UDP_OR_ICMP = new Set([1, 17]);

/** Random streams of one seed; each sensor has its own, so that adding one changes no other's records. */
const STREAM = { plants: 1, traffic: 2, redelivery: 3, sensors: 16 } as const;

/** A labelled synthetic network. Throws a RangeError for options out of range. */
export function generateNetwork(options: GenerateOptions): Network {
  const { seed, flows, hours, instances = DEFAULT_INSTANCES, sensors = SENSORS } = options;
  if (!Number.isInteger(seed) || seed < 0)
    throw new RangeError(`seed ${seed} is no whole number >= 0`);
  if (!Number.isInteger(flows) || flows < 0)
    throw new RangeError(`${flows} flows is no whole number >= 0`);
  if (!Number.isInteger(hours) || hours < 1)
    throw new RangeError(`${hours} hours is no whole number >= 1`);
  const startMs = options.startMs ?? DEFAULT_DAY + (hours < 12 ? OFFICE_HOURS : 0);
  if (startMs % HOUR !== 0) throw new RangeError(`start ${startMs} ms is not a full hour`);
  const endMs = startMs + hours * HOUR;
  const format = options.format ?? 'csv';

  const random = new Random(seed, STREAM.plants);
  const entries = new ReferenceEntries();
  const { labels, conversations } = plantAll(random, entries, instances, startMs, endMs);
  for (let i = 0; i < WRONGLY_LISTED; i++) {
    entries.lists.malware.push(addressIn(CDN_SERVERS, random.int(50)));
  }
  new OrdinaryTraffic(new Random(seed, STREAM.traffic)).scanInto(entries);

  return {
    startMs,
    endMs,
    sensors,
    format,
    labels,
    files: [
      ...referenceFiles(entries),
      { path: 'flowsieve.yaml', text: configurationText(format) },
      { path: 'labels.ndjson', text: labels.map((label) => `${JSON.stringify(label)}\n`).join('') },
    ],
    rows: () => rowsOf(seed, flows, startMs, endMs, sensors, conversations),
  };
}

function plantAll(
  random: Random,
  entries: ReferenceEntries,
  instances: number,
  startMs: number,
  endMs: number,
): { labels: readonly Label[]; conversations: readonly TrueConversation[] } {
  const labels = new Map<string, Label>();
  const conversations: TrueConversation[] = [];
  for (let turn = 0; turn < instances; turn++) {
    SCENARIOS.forEach((scenario, number) => {
      const planted = scenario.plant(new Planting(random, entries, turn + number));
      for (let repeat = random.between(1, 4); repeat > 0; repeat--) {
        const at = plantedStart(random, startMs, endMs);
        conversations.push(plantedConversation(random, planted, scenario, at));
        const label = labelOf(scenario, planted, at);
        labels.set(`${labelKey(label)} ${scenario.id}`, label);
      }
    });
  }
  conversations.sort((a, b) => a.startMs - b.startMs);
  return { labels: [...labels.values()], conversations };
}

function plantedStart(random: Random, startMs: number, endMs: number): number {
  for (;;) {
    const at = startMs + MINUTE + random.int(endMs - startMs - LAST_START - MINUTE);
    const ofDay = at % DAY;
    if (ofDay > MINUTE && ofDay < DAY - LAST_START) return at;
  }
}

function plantedConversation(
  random: Random,
  planted: Planted,
  scenario: Scenario,
  startMs: number,
): TrueConversation {
  const { customer, customerAddress, remoteAddress, role, serverPort, remoteCustomer } = planted;
  return {
    startMs,
    clientIp: role === 'client' ? customerAddress : remoteAddress,
    serverIp: role === 'client' ? remoteAddress : customerAddress,
    clientPort: planted.clientPort ?? plantedClientPort(random, scenario, serverPort),
    serverPort,
    protocol: protocolOf(planted),
    customers: remoteCustomer === undefined ? [customer] : [customer, remoteCustomer],
    ...planted.exchange(random),
  };
}

/**
 * Behind NAT 1024-65535. Where the server's port is above 1023 as well, or the filter wants a
 * known-service port on one side only, such a client port leaves the side undecided in a record of a
 * whole connection, and truth would not be visible: there it is dynamic (RFC 6335).
 */
function plantedClientPort(random: Random, { filter }: Scenario, serverPort: number): number {
  const anyPort = serverPort < 1024 && filter !== 'honeypot-contact';
  return anyPort ? random.between(1024, 65535) : random.between(52000, 65535);
}

function labelOf(scenario: Scenario, planted: Planted, atMs: number): Label {
  const { customer, customerAddress, remoteAddress, serverPort, indicator } = planted;
  const protocol = protocolOf(planted);
  return {
    expect: scenario.expect,
    scenario: scenario.id,
    filter: scenario.filter,
    customer,
    customerAddress,
    remoteAddress,
    service: `${serverPort}/${protocol === TCP ? 'tcp' : UDP_OR_ICMP.has(protocol) ? 'udp' : protocol}`,
    indicator,
    day: new Date(atMs).toISOString().slice(0, 10),
  };
}

function* rowsOf(
  seed: number,
  flows: number,
  startMs: number,
  endMs: number,
  sensors: readonly Sensor[],
  planted: readonly TrueConversation[],
): Generator<Row> {
  const traffic = new OrdinaryTraffic(new Random(seed, STREAM.traffic));
  const redelivery = new Random(seed, STREAM.redelivery);
  const eyes = sensors.map((sensor, i) => ({
    sensor,
    random: new Random(seed, STREAM.sensors + i),
  }));
  const minutes = (endMs - startMs) / MINUTE;
  let totalWeight = 0;
  for (let minute = 0; minute < minutes; minute++)
    totalWeight += diurnalWeight(startMs + minute * MINUTE);

  /** Records by the minute in which they leave their sensor. */
  const outbox = new Map<number, Row[]>();
  const scratch: Row[] = [];
  let minute = 0;
  const send = (row: Row): void => {
    const at = Math.max(minute, Math.floor((row.exportedMs - startMs) / MINUTE));
    const box = outbox.get(at);
    if (box === undefined) outbox.set(at, [row]);
    else box.push(row);
  };
  const see = (conversation: TrueConversation): number => {
    scratch.length = 0;
    for (const { sensor, random } of eyes) observe(conversation, sensor, random, scratch);
    let sent = scratch.length;
    for (const row of scratch) {
      send(row);
      if (redelivery.chance(REDELIVERED)) {
        send({ ...row, exportedMs: row.exportedMs + redelivery.int(30_000) });
        sent++;
      }
    }
    return sent;
  };

  // What planting takes is spread over the whole time, so the rhythm stays.
  let credit = 0;
  let nextPlanted = 0;
  for (; minute < minutes; minute++) {
    const fromMs = startMs + minute * MINUTE;
    credit += (flows * diurnalWeight(fromMs)) / totalWeight;
    while (nextPlanted < planted.length && planted[nextPlanted].startMs < fromMs + MINUTE) {
      credit -= see(planted[nextPlanted++]);
    }
    while (credit > 0) {
      let before = credit;
      for (const conversation of traffic.next(fromMs, MINUTE, endMs)) before -= see(conversation);
      // Something nobody saw still costs, or an all-sampling set of sensors would never end.
      credit = before === credit ? credit - 0.05 : before;
    }
    yield* leaving(outbox, minute);
  }
  for (const late of [...outbox.keys()].sort((a, b) => a - b)) yield* leaving(outbox, late);
}

function leaving(outbox: Map<number, Row[]>, minute: number): readonly Row[] {
  const rows = outbox.get(minute) ?? [];
  outbox.delete(minute);
  return rows.sort((a, b) => a.exportedMs - b.exportedMs);
}
