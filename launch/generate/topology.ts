import { addressOf, formatAddress4, formatAddress6 } from '../../pipeline/address.js';

/**
 * The made-up world of a generated network: who the customers are, which addresses everybody has,
 * and which sensors look at whom. All addresses are from documentation and benchmarking ranges
 * (RFC 5737, RFC 2544, RFC 3849).
 */

/** A run of neighbouring addresses. */
export interface AddressRun {
  /** First address. */
  readonly first: string;
  readonly count: number;
}

export interface GeneratedCustomer {
  readonly id: string;
  /** Lines of customers.csv. */
  readonly prefixes: readonly { readonly cidr: string; readonly exclusive: boolean }[];
  /** Public addresses that its clients share behind NAT. */
  readonly clients: readonly AddressRun[];
  readonly servers: readonly AddressRun[];
  /** Addresses that only planted conversations use. */
  readonly planted: AddressRun;
  readonly planted6: AddressRun | undefined;
}

const own = (cidr: string): { cidr: string; exclusive: boolean } => ({ cidr, exclusive: false });
const claim = (cidr: string): { cidr: string; exclusive: boolean } => ({ cidr, exclusive: true });
const run = (first: string, count: number): AddressRun => ({ first, count });

/**
 * birch lies within acme; cedar and dune both declare 198.18.60.0/24 (so nobody can be blamed for
 * it); dune and elm both declare 198.18.61.0/24, elm exclusively; 198.18.62.0/23 belongs to a cloud,
 * where dune rents 62 and elm holds 63 exclusively.
 */
export const CUSTOMERS: readonly GeneratedCustomer[] = [
  {
    id: 'acme',
    prefixes: [own('198.18.0.0/20'), own('2001:db8:a::/48')],
    clients: [run('198.18.0.1', 240), run('2001:db8:a:1::1', 400)],
    servers: [run('198.18.1.1', 20), run('2001:db8:a:2::1', 8)],
    planted: run('198.18.2.1', 500),
    planted6: run('2001:db8:a:3::1', 500),
  },
  {
    id: 'birch',
    prefixes: [own('198.18.4.0/23'), own('2001:db8:a:4::/64')],
    clients: [run('198.18.4.1', 12)],
    servers: [run('198.18.4.21', 6), run('2001:db8:a:4::21', 2)],
    planted: run('198.18.4.64', 440),
    planted6: run('2001:db8:a:4::1000', 500),
  },
  {
    id: 'cedar',
    prefixes: [own('198.18.16.0/20'), own('198.18.60.0/24'), own('2001:db8:c::/48')],
    clients: [run('198.18.16.1', 240), run('2001:db8:c:1::1', 400)],
    servers: [run('198.18.17.1', 30), run('2001:db8:c:2::1', 8)],
    planted: run('198.18.18.1', 500),
    planted6: run('2001:db8:c:3::1', 500),
  },
  {
    id: 'dune',
    prefixes: [
      own('198.18.32.0/21'),
      own('198.18.60.0/24'),
      own('198.18.61.0/24'),
      own('198.18.62.0/24'),
    ],
    clients: [run('198.18.32.1', 200), run('198.18.60.1', 10)],
    servers: [run('198.18.33.1', 50), run('198.18.62.1', 10)],
    planted: run('198.18.34.1', 500),
    planted6: undefined,
  },
  {
    id: 'elm',
    prefixes: [
      own('198.18.40.0/21'),
      claim('198.18.61.0/24'),
      claim('198.18.63.0/24'),
      own('2001:db8:e::/48'),
    ],
    clients: [run('198.18.40.1', 200), run('198.18.61.1', 5)],
    servers: [run('198.18.41.1', 10), run('198.18.63.1', 10)],
    planted: run('198.18.42.1', 500),
    planted6: run('2001:db8:e:3::1', 500),
  },
];

/** Customer addresses that planted conversations use where it is their standing that matters. */
export const SPECIAL_CUSTOMER_RUNS = {
  /** cedar's and dune's: shared, nobody's. */
  contested: run('198.18.60.100', 100),
  /** dune's and elm's, elm exclusively: elm's. */
  contestedExclusive: run('198.18.61.100', 100),
  /** dune's in a cloud: shared. */
  cloud: run('198.18.62.100', 100),
  /** elm's in a cloud, exclusively: elm's. */
  cloudExclusive: run('198.18.63.100', 100),
  /** acme's, in another /24 than its other planted addresses. */
  otherNetwork: run('198.18.8.1', 200),
  /** dune's, all of one /24. */
  oneNetwork: run('198.18.36.1', 200),
} as const;

/** Remotes of ordinary traffic; but for every `SILENT_EVERY`th the inventory knows them as sound. */
export const BENIGN_SERVERS: readonly AddressRun[] = [
  run('198.19.0.1', 16_000),
  run('198.19.64.1', 8_000),
  run('198.19.96.1', 8_000),
  run('2001:db8:f001::1', 4_000),
];
/** Of the benign servers so many are gone: no scan ever got an answer, and nobody talks with them. */
export const SILENT_EVERY = 50;
export const BENIGN_CLIENTS: readonly AddressRun[] = [
  run('198.19.128.1', 16_000),
  run('2001:db8:f002::1', 4_000),
];
/** Addresses of content networks that many sites share; on clouds.txt. */
export const CDN_SERVERS: AddressRun = run('198.19.192.1', 2_000);
export const SCANNERS: AddressRun = run('198.51.100.1', 200);

/** Blocks from which planted remotes are taken one by one; each purpose has its own. */
export const REMOTE_BLOCKS = {
  bad: run('198.19.208.1', 1_000),
  bad6: run('2001:db8:f003::1', 1_000),
  /** Listed as /29s, so a run of eight each. */
  badPrefix: run('192.0.2.0', 256),
  anonymizer: run('198.19.212.1', 500),
  anonymizer6: run('2001:db8:f004::1', 500),
  honeypot: run('198.19.214.1', 250),
  insecure: run('198.19.216.1', 500),
  insecure6: run('2001:db8:f005::1', 500),
  vendor: run('198.19.218.1', 120),
  clean: run('198.19.219.1', 250),
  /** Content-network addresses that ordinary traffic does not use. */
  cdn: run('198.19.204.1', 500),
  /** The content network's presence in a sanctioned country. */
  cdnSanctioned: run('198.19.226.129', 100),
  sanctionedIR: run('198.19.224.1', 250),
  sanctionedKP: run('198.19.225.1', 250),
  sanctionedCU: run('198.19.226.1', 120),
  sanctioned6: run('2001:db8:f006::1', 500),
  bannedNetwork: run('203.0.113.1', 250),
  private: run('10.20.0.1', 250),
  attacker: run('198.18.164.1', 250),
  /** Listed as /29s. */
  attackerPrefix: run('198.18.181.0', 256),
  /** Nobody lists them. */
  unlistedScanner: run('198.18.180.1', 250),
  /** Taken in pairs of one /24: a remote of the judged day and its stand-in on history days. */
  strange: run('198.18.192.0', 4_000),
  visitor: run('198.18.172.1', 250),
  partner: run('198.18.173.1', 250),
  candidate: run('198.18.165.1', 250),
  candidate6: run('2001:db8:f007::1', 250),
  /** Known to the inventory, as sound. */
  publicized: run('198.18.168.1', 1_000),
  /** Ordinary clients of all customers talk to them. */
  popular: run('198.18.167.1', 250),
  /** Listed, on no published range, and ordinary clients of all customers talk to them. */
  learnedShared: run('198.18.166.1', 250),
  /** Routed and scanned, and no scan ever got an answer. */
  silent: run('198.18.224.1', 4_000),
  silent6: run('2001:db8:f00d::1', 1_000),
  unrouted: run('198.18.240.1', 4_000),
  reserved: run('241.7.0.1', 4_000),
} as const;

export type RemoteBlock = keyof typeof REMOTE_BLOCKS;

/** Kinds of remotes whose volume is planted: a network, a country and a port that nothing else uses. */
export interface VolumeKind {
  readonly network: string;
  /** The first address of the network but one. */
  readonly servers: AddressRun;
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
  readonly port: number;
}

const VOLUME_COUNTRIES =
  'AR CL UY PE CO EC BO PY CR PA GT HN SV DO JM TT BB BZ GY SR MX KE TZ UG GH SN MA TN MU BW';
/** Ports on which servers are met, but none of ordinary traffic or of other scenarios. */
const VOLUME_PORTS = [
  853, 5671, 8883, 990, 992, 995, 989, 563, 636, 465, 587, 110, 143, 389, 554, 631, 646, 860, 873,
  1194, 1883, 2049, 3260, 5060, 5061, 5222, 5228, 5269, 5672, 6514,
] as const;

export const VOLUME_KINDS: readonly VolumeKind[] = VOLUME_COUNTRIES.split(' ').map(
  (country, i) => ({
    network: `198.18.${128 + i}.0/24`,
    servers: run(`198.18.${128 + i}.1`, 250),
    country,
    port: VOLUME_PORTS[i],
  }),
);

/** clouds.txt. */
export const SHARED_PREFIXES = ['198.18.62.0/23', '198.19.192.0/20', '198.19.226.128/25'] as const;

/** vendor-x.txt. */
export const VENDOR_PREFIXES = ['198.19.218.0/25'] as const;

/** country/xx/ipv4-aggregated.txt and ipv6-aggregated.txt. */
export const COUNTRY_PREFIXES: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(
    VOLUME_KINDS.map(({ country, network }) => [country.toLowerCase(), [network]]),
  ),
  br: ['198.51.100.0/24'],
  cu: ['198.19.226.0/24'],
  de: ['198.18.0.0/17', '198.19.64.0/19', '2001:db8:a::/48', '2001:db8:f001::/48'],
  fr: ['198.19.128.0/19', '2001:db8:f002::/48', '2001:db8:c::/48', '2001:db8:e::/48'],
  gb: ['198.19.160.0/19', '2001:db8:f003::/48', '2001:db8:f004::/47'],
  ir: ['198.19.224.0/24', '2001:db8:f006::/48'],
  jp: ['203.0.113.0/24'],
  kp: ['198.19.225.0/24'],
  nl: ['198.19.96.0/19', '192.0.2.0/24'],
  us: [
    '198.18.160.0/19',
    '198.18.192.0/19',
    '198.19.0.0/18',
    '198.19.192.0/19',
    '2001:db8:f007::/48',
  ],
};

/** routed.txt, and what was scanned: all but the unrouted block 198.18.240.0/20. */
export const ROUTED_PREFIXES = [
  '192.0.2.0/24',
  '198.18.0.0/17',
  '198.18.128.0/18',
  '198.18.192.0/19',
  '198.18.224.0/20',
  '198.19.0.0/16',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '2001:db8::/32',
] as const;

/** What looks at the traffic. */
export interface Sensor {
  readonly id: string;
  /** goflow2 names a sensor by its address. */
  readonly address: string;
  /** 1 in N packets, each direction and sensor on its own. */
  readonly samplingRate: number;
  /** A flow that goes on is exported and begun anew after this time. */
  readonly activeTimeoutMs: number;
  /** Its clock against true time. */
  readonly clockOffsetMs: number;
  /** Customers whose traffic passes it; undefined = all. */
  readonly customers: readonly string[] | undefined;
  /** When it is there; absent = always. */
  readonly only?: 'judged-day' | 'history-days';
}

/** One sensor sees all packets of everybody, so everything planted can be found; the others overlap it. */
export const SENSORS: readonly Sensor[] = [
  {
    id: 'core-1',
    address: '192.0.2.1',
    samplingRate: 1,
    activeTimeoutMs: 60_000,
    clockOffsetMs: 0,
    customers: undefined,
  },
  {
    id: 'core-2',
    address: '192.0.2.2',
    samplingRate: 1,
    activeTimeoutMs: 1_800_000,
    clockOffsetMs: 3,
    customers: ['acme', 'birch', 'elm'],
  },
  {
    id: 'edge-1',
    address: '192.0.2.3',
    samplingRate: 10,
    activeTimeoutMs: 1_800_000,
    clockOffsetMs: -40,
    customers: ['cedar', 'dune', 'elm'],
  },
  {
    id: 'edge-2',
    address: '192.0.2.4',
    samplingRate: 1000,
    activeTimeoutMs: 60_000,
    clockOffsetMs: 250,
    customers: undefined,
  },
];

/**
 * Sensors that come, go and change their rate between the history days and the judged day, beside
 * those of SENSORS: what they alone see more or less of is no change of traffic.
 */
export const CHANGING_SENSORS: readonly Sensor[] = [
  changing('edge-3', '192.0.2.5', 'birch', 1, 'judged-day'),
  changing('edge-4', '192.0.2.6', 'elm', 1, 'history-days'),
  changing('edge-5', '192.0.2.7', 'dune', 1, 'history-days'),
  changing('edge-5', '192.0.2.7', 'dune', 10, 'judged-day'),
];

function changing(
  id: string,
  address: string,
  customer: string,
  samplingRate: number,
  only: 'judged-day' | 'history-days',
): Sensor {
  const times = { activeTimeoutMs: 1_800_000, clockOffsetMs: 0 };
  return { id, address, samplingRate, ...times, customers: [customer], only };
}

/** Address `index` of a run; throws beyond its end. */
export function addressIn(addresses: AddressRun, index: number): string {
  if (index >= addresses.count) {
    throw new RangeError(
      `address ${index} of the ${addresses.count} from ${addresses.first}: plant fewer`,
    );
  }
  return advance(addresses.first, index);
}

/** All addresses of the runs, as texts. */
export function addressesIn(runs: readonly AddressRun[]): readonly string[] {
  return runs.flatMap(({ first, count }) => {
    const at = counterFrom(first);
    return Array.from({ length: count }, (_, index) => at(index));
  });
}

function advance(first: string, by: number): string {
  return counterFrom(first)(by);
}

/** Gives the address so many after the first. */
function counterFrom(first: string): (by: number) => string {
  const address = addressOf(first);
  if (address === undefined) throw new RangeError(`${first} is no address`);
  const { family, words } = address;
  if (family === 4) return (by) => formatAddress4(words[0] + by);
  return (by) => formatAddress6(words[0], words[1], words[2], words[3] + by);
}
