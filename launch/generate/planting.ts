import { TCP } from '../../pipeline/codes.js';
import type { Label } from './label.js';
import type { Random } from './random.js';
import type { ListName, ReferenceEntries } from './reference-files.js';
import {
  addressIn,
  CUSTOMERS,
  REMOTE_BLOCKS,
  SPECIAL_CUSTOMER_RUNS,
  VOLUME_KINDS,
  type GeneratedCustomer,
  type RemoteBlock,
  type VolumeKind,
} from './topology.js';
import type { Exchange, TrueConversation } from './traffic.js';

/**
 * A way to plant a risk, or a near-miss that must not fire. It takes fresh addresses and writes the
 * feed entries that make them what they are, so scenarios never meddle with each other.
 */
export interface Scenario {
  readonly id: string;
  /** Whose page of scenarios it is on; labels may be about other filters too. */
  readonly filter: string;
  /** What it shows is a difference from the days before: planted only where there are such days. */
  readonly needsHistory?: boolean;
  plant(context: Planting): Planted;
}

/** What one instance of a scenario puts into the traffic, and what should come of it. */
export interface Planted {
  readonly conversations: readonly PlantedConversation[];
  readonly labels: readonly PlantedLabel[];
}

/**
 * On which days something happens; at the same time of each. What only the judged day has is new to
 * the filters that know history.
 */
export type Days = 'every-day' | 'judged-day' | 'history-days';

export interface PlantedConversation extends TrueConversation {
  /** When it starts on the judged day. */
  readonly startMs: number;
  readonly on: Days;
}

/** A label but for its scenario; its day is that of `atMs`. */
export interface PlantedLabel extends Omit<Label, 'scenario' | 'day'> {
  readonly atMs: number;
}

/** Who talked with whom. */
export interface Contact {
  readonly customer: string;
  readonly customerAddress: string;
  readonly remoteAddress: string;
  /** The customer's. */
  readonly role: 'client' | 'server';
  /** Absent = one that leaves no doubt about the side. */
  readonly clientPort?: number;
  readonly serverPort: number;
  /** IANA number; absent = TCP. */
  readonly protocol?: number;
  /** The remote is a customer too. */
  readonly remoteCustomer?: string;
}

/** An address of a customer. */
export type Owned = Pick<Contact, 'customer' | 'customerAddress'>;

type SpecialRun = keyof typeof SPECIAL_CUSTOMER_RUNS;

/** When planted conversations may start: not too near the ends of the data, or of a UTC day. */
export interface PlantingTimes {
  readonly startMs: number;
  readonly endMs: number;
}

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
/** Planted conversations start no later than this before the end, and before midnight: a finding has one day. */
const LAST_START = 45 * MINUTE;

/** What a scenario plants with. */
export class Planting {
  readonly random: Random;
  readonly entries: ReferenceEntries;
  readonly #turn: number;
  readonly #times: PlantingTimes;
  /** UTC day of `moment`, in days since 1970. */
  readonly #day: number;

  /** `turn` decides which customer's turn it is. */
  constructor(random: Random, entries: ReferenceEntries, turn: number, times: PlantingTimes) {
    this.random = random;
    this.entries = entries;
    this.#turn = turn;
    this.#times = times;
    this.#day = Math.floor(this.anyMoment() / DAY);
  }

  /** A time at which something planted may start; ms since 1970. */
  anyMoment(): number {
    const { startMs, endMs } = this.#times;
    for (;;) {
      const at = startMs + MINUTE + this.random.int(endMs - startMs - LAST_START - MINUTE);
      const ofDay = at % DAY;
      if (ofDay > MINUTE && ofDay < DAY - LAST_START) return at;
    }
  }

  /** The same, always on one UTC day: for what is counted within a day. */
  moment(): number {
    for (;;) {
      const at = this.anyMoment();
      if (Math.floor(at / DAY) === this.#day) return at;
    }
  }

  /** A fresh address of a customer, in turn; only of `among`, if given. */
  customer(among?: readonly string[]): Owned {
    const choice = CUSTOMERS.filter(({ id }) => among?.includes(id) ?? true);
    return this.#fresh(choice[this.#turn % choice.length]);
  }

  /** The same with an IPv6 address. */
  customer6(among?: readonly string[]): Owned {
    const choice = CUSTOMERS.filter(
      ({ id, planted6 }) => planted6 !== undefined && (among?.includes(id) ?? true),
    );
    const { id, planted6 } = choice[this.#turn % choice.length];
    const index = this.entries.take(`planted6 ${id}`);
    return { customer: id, customerAddress: addressIn(planted6 ?? REMOTE_BLOCKS.bad6, index) };
  }

  /** `count` different customers, beginning with the one whose turn it is. */
  customersInTurn(count: number): readonly string[] {
    return Array.from(
      { length: count },
      (_, i) => CUSTOMERS[(this.#turn + i) % CUSTOMERS.length].id,
    );
  }

  /** `count` fresh addresses of one customer. */
  addressesOf(customer: string, count: number): readonly Owned[] {
    return Array.from({ length: count }, () => this.customer([customer]));
  }

  /** Public addresses behind which ordinary clients of a customer sit; not fresh. */
  ordinaryClients(customer: string, count: number): readonly Owned[] {
    return CUSTOMERS.filter(({ id }) => id === customer).flatMap(({ clients }) =>
      Array.from({ length: count }, (_, i) => ({
        customer,
        customerAddress: addressIn(clients[0], i),
      })),
    );
  }

  /** An address whose owner is in doubt, or in a cloud. `customer` is who would be blamed for it. */
  special(run: SpecialRun, customer: string): Owned {
    const customerAddress = addressIn(SPECIAL_CUSTOMER_RUNS[run], this.entries.take(run));
    return { customer, customerAddress };
  }

  /** A fresh remote of a block. */
  remote(block: RemoteBlock): string {
    return addressIn(REMOTE_BLOCKS[block], this.entries.take(block));
  }

  remotes(block: RemoteBlock, count: number): readonly string[] {
    return Array.from({ length: count }, () => this.remote(block));
  }

  /** A fresh remote that is on lists, as a bare address. */
  listed(block: RemoteBlock, ...lists: readonly ListName[]): string {
    const remote = this.remote(block);
    for (const list of lists) this.entries.lists[list].push(remote);
    return remote;
  }

  /** A fresh remote of a /29 that is on a list, and the list's entry. */
  listedByPrefix(
    block: 'badPrefix' | 'attackerPrefix',
    list: ListName,
  ): { readonly remoteAddress: string; readonly indicator: string } {
    const network = 8 * this.entries.take(block);
    const indicator = `${addressIn(REMOTE_BLOCKS[block], network)}/29`;
    this.entries.lists[list].push(indicator);
    const remoteAddress = addressIn(REMOTE_BLOCKS[block], network + this.random.between(1, 6));
    return { remoteAddress, indicator };
  }

  /** A kind of remotes of which nobody else has any. */
  volumeKind(): VolumeKind {
    const index = this.entries.take('volume kind');
    if (index >= VOLUME_KINDS.length) {
      throw new RangeError(
        `kind ${index} of the ${VOLUME_KINDS.length} to plant volume of: plant fewer`,
      );
    }
    return VOLUME_KINDS[index];
  }

  /** A name for a group of labels. */
  group(filter: string): string {
    return `${filter}-${this.entries.take(`group ${filter}`)}`;
  }

  /** Adds what a scan found. */
  scanned(ip: string, port: number, service: string, ...tags: readonly string[]): void {
    this.entries.inventory.push({ ip, port, service, tags });
  }

  /** A conversation that starts at `startMs` of the judged day. */
  conversation(
    contact: Contact,
    startMs: number,
    exchange: Exchange,
    on: Days = 'every-day',
  ): PlantedConversation {
    const { customer, customerAddress, remoteAddress, role, serverPort, remoteCustomer } = contact;
    return {
      on,
      startMs,
      clientIp: role === 'client' ? customerAddress : remoteAddress,
      serverIp: role === 'client' ? remoteAddress : customerAddress,
      clientPort: contact.clientPort ?? this.clientPort(serverPort),
      serverPort,
      protocol: contact.protocol ?? TCP,
      customers: remoteCustomer === undefined ? [customer] : [customer, remoteCustomer],
      ...exchange,
    };
  }

  /**
   * Behind NAT 1024-65535. Where the server's port is above 1023 as well, such a client port leaves
   * the side undecided in a record of a whole connection, and truth would not be visible: there it is
   * dynamic (RFC 6335).
   */
  clientPort(serverPort: number): number {
    return this.random.between(serverPort < 1024 ? 1024 : 52000, 65535);
  }

  #fresh({ id, planted }: GeneratedCustomer): Owned {
    const index = this.entries.take(`planted ${id}`);
    return { customer: id, customerAddress: addressIn(planted, index) };
  }
}

/** Server port and protocol as findings have it. */
export function serviceText(serverPort: number, protocol: number = TCP): string {
  const name = protocol === TCP ? 'tcp' : protocol === 17 || protocol === 1 ? 'udp' : protocol;
  return `${serverPort}/${name}`;
}
