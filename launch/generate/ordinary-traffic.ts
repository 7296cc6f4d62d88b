import type { Random } from './random.js';
import type { ReferenceEntries } from './reference-files.js';
import {
  addressesIn,
  BENIGN_CLIENTS,
  BENIGN_SERVERS,
  CDN_SERVERS,
  CUSTOMERS,
  SCANNERS,
  SILENT_EVERY,
} from './topology.js';
import {
  backscatter,
  halfOpen,
  pickService,
  refused,
  unanswered,
  type Exchange,
  type Service,
  type TrueConversation,
} from './traffic.js';

interface Pool {
  readonly v4: readonly string[];
  readonly v6: readonly string[];
}

interface Site {
  readonly id: string;
  readonly weight: number;
  readonly clients: Pool;
  readonly servers: Pool;
}

/** How busy the customers are. */
const WEIGHTS: Readonly<Record<string, number>> = { acme: 4, birch: 1, cedar: 3, dune: 1, elm: 1 };

/** What ordinary traffic consists of, in parts of the sum. */
const MIX = {
  outbound: 76,
  inbound: 11,
  betweenCustomers: 3,
  withinCustomer: 2,
  failed: 4,
  /** A scan is many conversations. */
  scan: 0.15,
  backscatter: 1.5,
  transit: 1,
} as const;
type Kind = keyof typeof MIX;
const KINDS = Object.keys(MIX) as Kind[];
const TOTAL = KINDS.reduce((sum, kind) => sum + MIX[kind], 0);

const SCANNED_PORTS = [22, 23, 80, 443, 445, 3389, 5900, 8080] as const;
/** Ports of services that customers offer. */
const OFFERED = new Set([22, 25, 53, 80, 443, 993, 8080]);

/** Mail, chat, shells and the like are with the first so many of an address pool, which people and devices know. */
const FAMILIAR = 200;
/** TCP ports that those offer besides. */
const FAMILIAR_PORTS = [22, 25, 80, 993, 5223, 8080] as const;
const SERVICE_NAMES = {
  22: 'ssh',
  25: 'smtp',
  80: 'http',
  993: 'imaps',
  5223: 'xmpp',
  8080: 'http',
} as const satisfies Readonly<Record<(typeof FAMILIAR_PORTS)[number], string>>;
/** Of failed connections, those to addresses that are gone. */
const STALE_SHARE = 0.1;
/** Such addresses that one client still knows: a threshold on them must not depend on how much it talks. */
const STALE_ADDRESSES = 6;
/** Nothing starts or ends nearer to the ends of the data, so that no sensor's clock moves it out of its day. */
const MARGIN_MS = 1_000;

/** When there is traffic, ms since 1970. */
export interface Period {
  readonly startMs: number;
  readonly endMs: number;
}

/** Traffic in which nothing is wrong, and the noise of the Internet. No planted address takes part. */
export class OrdinaryTraffic {
  readonly #random: Random;
  readonly #sites: readonly Site[];
  readonly #servers: Pool;
  /** Once servers, not in the pool of servers. */
  readonly #silent: Pool;
  readonly #clients: Pool;
  readonly #content: readonly string[];
  readonly #scanners: readonly string[];

  constructor(random: Random) {
    this.#random = random;
    this.#sites = CUSTOMERS.map(({ id, clients, servers }) => ({
      id,
      weight: WEIGHTS[id],
      clients: pool(addressesIn(clients)),
      servers: pool(addressesIn(servers)),
    }));
    const benign = addressesIn(BENIGN_SERVERS);
    const isSilent = (index: number): boolean => index % SILENT_EVERY === SILENT_EVERY - 1;
    this.#servers = pool(benign.filter((_, index) => !isSilent(index)));
    this.#silent = pool(benign.filter((_, index) => isSilent(index)));
    this.#clients = pool(addressesIn(BENIGN_CLIENTS));
    this.#content = addressesIn([CDN_SERVERS]);
    this.#scanners = addressesIn([SCANNERS]);
  }

  /** Puts all web servers into the inventory, as sound: the customers' own and the remote ones that still exist. */
  scanInto(entries: ReferenceEntries): void {
    const own = this.#sites.flatMap(({ servers }) => [...servers.v4, ...servers.v6]);
    const { v4, v6 } = this.#servers;
    const add = (ip: string, port: number, service: string): void => {
      entries.inventory.push({ ip, port, service, tags: [] });
    };
    for (const ip of [...own, ...v4, ...v6, ...this.#content]) add(ip, 443, 'https');
    for (const ip of [...own, ...v4.slice(0, FAMILIAR), ...v6.slice(0, FAMILIAR)]) {
      for (const port of FAMILIAR_PORTS) add(ip, port, SERVICE_NAMES[port]);
    }
  }

  /** The next thing that happens in the `lengthMs` from `fromMs` on, within `period`. */
  next(fromMs: number, lengthMs: number, period: Period): readonly TrueConversation[] {
    const firstMs = period.startMs + MARGIN_MS;
    const lastMs = period.endMs - MARGIN_MS;
    const made = this.#make(this.#kind(), fromMs + this.#random.int(lengthMs));
    return made.map((conversation) => {
      const startMs = Math.min(lastMs, Math.max(firstMs, conversation.startMs));
      const durationMs = Math.min(conversation.durationMs, lastMs - startMs);
      return { ...conversation, startMs, durationMs };
    });
  }

  #kind(): Kind {
    let at = this.#random.float() * TOTAL;
    for (const kind of KINDS) {
      at -= MIX[kind];
      if (at < 0) return kind;
    }
    return 'outbound';
  }

  #make(kind: Kind, startMs: number): readonly TrueConversation[] {
    const random = this.#random;
    const site = this.#site();
    const service = pickService(random);
    switch (kind) {
      case 'outbound': {
        const client = this.#address(site.clients);
        const server =
          !client.includes(':') && service.port === 443 && random.chance(0.35)
            ? popular(random, this.#content)
            : this.#alike(service.port === 443 ? this.#servers : familiar(this.#servers), client);
        return [this.#conversation(startMs, client, server, service, [site.id])];
      }
      case 'inbound': {
        const server = this.#address(site.servers);
        const offered = this.#offered();
        const client = this.#alike(
          offered.lasting ? familiar(this.#clients) : this.#clients,
          server,
        );
        return [this.#conversation(startMs, client, server, offered, [site.id])];
      }
      case 'betweenCustomers': {
        const other = this.#site();
        const client = this.#address(site.clients);
        const server = this.#alike(other.servers, client);
        const customers = [site.id, other.id];
        return [this.#conversation(startMs, client, server, this.#offered(), customers)];
      }
      case 'withinCustomer': {
        const client = this.#address(site.clients);
        const server = this.#alike(site.servers, client);
        return [this.#conversation(startMs, client, server, this.#offered(), [site.id])];
      }
      case 'failed': {
        const client = this.#address(site.clients);
        if (random.chance(STALE_SHARE)) {
          const server = this.#stale(client);
          return [this.#tcp(startMs, client, server, 443, [site.id], unanswered(random))];
        }
        const server = this.#alike(this.#servers, client);
        const exchange = random.chance(0.6) ? unanswered(random) : refused(random);
        return [this.#tcp(startMs, client, server, 443, [site.id], exchange)];
      }
      case 'scan':
        return this.#scan(startMs, site);
      case 'backscatter': {
        const client = this.#address(site.clients);
        const server = this.#alike(this.#servers, client);
        const port = random.pick([80, 443]);
        return [this.#tcp(startMs, client, server, port, [site.id], backscatter(random))];
      }
      case 'transit': {
        const client = this.#address(this.#clients);
        return [
          this.#conversation(startMs, client, this.#alike(this.#servers, client), service, []),
        ];
      }
    }
  }

  /** One remote tries one port of many addresses of a customer. */
  #scan(startMs: number, site: Site): readonly TrueConversation[] {
    const random = this.#random;
    const scanner = random.pick(this.#scanners);
    const port = random.pick(SCANNED_PORTS);
    return Array.from({ length: random.between(10, 60) }, (_, i) => {
      const target = random.pick(random.chance(0.5) ? site.servers.v4 : site.clients.v4);
      const open = OFFERED.has(port) && random.chance(0.2);
      const exchange = open
        ? halfOpen(random)
        : random.chance(0.3)
          ? refused(random)
          : unanswered(random);
      return this.#tcp(startMs + i * 20, scanner, target, port, [site.id], exchange);
    });
  }

  #conversation(
    startMs: number,
    clientIp: string,
    serverIp: string,
    service: Service,
    customers: readonly string[],
  ): TrueConversation {
    const { port, protocol } = service;
    return {
      startMs,
      clientIp,
      serverIp,
      clientPort: port === 0 ? 0 : this.#clientPort(port),
      serverPort: port,
      // ICMP has a protocol of its own in IPv6.
      protocol: protocol === 1 && clientIp.includes(':') ? 58 : protocol,
      customers,
      ...service.exchange(this.#random),
    };
  }

  #tcp(
    startMs: number,
    clientIp: string,
    serverIp: string,
    serverPort: number,
    customers: readonly string[],
    exchange: Exchange,
  ): TrueConversation {
    const clientPort = this.#clientPort(serverPort);
    return {
      startMs,
      clientIp,
      serverIp,
      clientPort,
      serverPort,
      protocol: 6,
      customers,
      ...exchange,
    };
  }

  /**
   * NAT hands out 1024-65535. Where both ports are above 1023 a banned port among them could be taken
   * for the service (an error of orientation by ports, 11 % at 8080): dynamic ports there, so that
   * labels stay true of what can be seen.
   */
  #clientPort(serverPort: number): number {
    return serverPort < 1024
      ? this.#random.between(1024, 65535)
      : this.#random.between(49152, 65535);
  }

  #site(): Site {
    let at = this.#random.float() * TOTAL_WEIGHT;
    for (const site of this.#sites) {
      at -= site.weight;
      if (at < 0) return site;
    }
    return this.#sites[0];
  }

  #offered(): Service {
    for (;;) {
      const service = pickService(this.#random);
      if (OFFERED.has(service.port)) return service;
    }
  }

  /** One of the few addresses that the client does not know to be gone. */
  #stale(client: string): string {
    const from = client.includes(':') ? this.#silent.v6 : this.#silent.v4;
    let first = 0;
    for (let i = 0; i < client.length; i++)
      first = (first * 31 + client.charCodeAt(i)) % from.length;
    return from[(first + this.#random.int(STALE_ADDRESSES)) % from.length];
  }

  #address(from: Pool): string {
    const use6 = from.v6.length > 0 && this.#random.chance(0.3);
    return popular(this.#random, use6 ? from.v6 : from.v4);
  }

  /** An address of the same family as `like`; one of ordinary servers where `from` has none. */
  #alike(from: Pool, like: string): string {
    const v6 = like.includes(':');
    const own = v6 ? from.v6 : from.v4;
    return popular(this.#random, own.length > 0 ? own : v6 ? this.#servers.v6 : this.#servers.v4);
  }
}

const TOTAL_WEIGHT = Object.values(WEIGHTS).reduce((sum, weight) => sum + weight, 0);

/** A few are much more popular than the many. */
function popular(random: Random, addresses: readonly string[]): string {
  return addresses[Math.floor(addresses.length * random.float() ** 3)];
}

/** Those of a pool that everybody knows. */
function familiar({ v4, v6 }: Pool): Pool {
  return { v4: v4.slice(0, FAMILIAR), v6: v6.slice(0, FAMILIAR) };
}

function pool(addresses: readonly string[]): Pool {
  return {
    v4: addresses.filter((address) => !address.includes(':')),
    v6: addresses.filter((address) => address.includes(':')),
  };
}
