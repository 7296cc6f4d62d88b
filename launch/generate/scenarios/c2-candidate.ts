import type {
  Days,
  Owned,
  Planted,
  PlantedConversation,
  PlantedLabel,
  Planting,
  Scenario,
} from '../planting.js';
import { serviceText } from '../planting.js';
import { talk } from '../relation.js';
import { unanswered } from '../traffic.js';

const FILTER = 'c2-candidate';

const C2_PORT = 443;
const CANDIDATE_PORT = 8444;
/** Ordinary clients of each customer that use what is popular. */
const ORDINARY_CLIENTS = 8;

/** Clients that a listed C2 steers, and another server that all of them talk to. */
interface Campaign {
  readonly clients: readonly Owned[];
  /** Of whose block the server is. */
  readonly block: 'candidate' | 'candidate6';
  /** Whether the server must be found. */
  readonly found: boolean;
  /** How the clients came to be compromised, or that they are not. */
  readonly origin?: 'c2' | 'malware' | 'only-attempts';
  /** Servers that all of them talk to as well, and that must not be found. */
  readonly sound?: readonly SoundServer[];
}

/** A server that compromised clients use as others do. */
interface SoundServer {
  readonly remoteAddress: string;
  readonly serverPort: number;
  /** Others that talk to it. */
  readonly public?: readonly Owned[];
}

/**
 * The server is new on the judged day. On the days before the clients talk to others of its network,
 * as often, but no three to the same, so that volume does not change.
 */
function campaign(context: Planting, planted: Campaign): Planted {
  const { clients, block, found, origin = 'c2', sound = [] } = planted;
  const { random } = context;
  const known = context.listed(
    block === 'candidate6' ? 'bad6' : 'bad',
    origin === 'malware' ? 'malware' : 'c2',
  );
  const server = context.remote(block);
  const standIns = context.remotes(block, Math.ceil(clients.length / 2));
  const atMs = context.moment();
  const use = (
    owner: Owned,
    remoteAddress: string,
    serverPort: number,
    on: Days = 'every-day',
    times = 1,
  ) =>
    Array.from({ length: times }, () => {
      const contact = { ...owner, remoteAddress, role: 'client', serverPort } as const;
      return context.conversation(contact, context.moment(), talk(random), on);
    });
  const meet = (owner: Owned): PlantedConversation => {
    const exchange = origin === 'only-attempts' ? unanswered(random) : talk(random);
    const contact = {
      ...owner,
      remoteAddress: known,
      role: 'client',
      serverPort: C2_PORT,
    } as const;
    return context.conversation(contact, context.moment(), exchange);
  };
  return {
    conversations: [
      ...clients.flatMap((owner, i) => [
        meet(owner),
        ...use(owner, server, CANDIDATE_PORT, 'judged-day', 2),
        ...use(owner, standIns[i >> 1], CANDIDATE_PORT, 'history-days', 2),
      ]),
      ...sound.flatMap(({ remoteAddress, serverPort, public: others = [] }) =>
        [...clients, ...others].flatMap((owner) => use(owner, remoteAddress, serverPort)),
      ),
    ],
    labels: [
      ...clients.map((owner): PlantedLabel => ({
        expect: origin === 'only-attempts' ? 'nothing' : 'finding',
        filter: 'known-bad-remote',
        ...owner,
        remoteAddress: known,
        service: serviceText(C2_PORT),
        indicator: origin === 'only-attempts' ? '' : known,
        atMs,
      })),
      ...[{ remoteAddress: server, serverPort: CANDIDATE_PORT, wanted: found }]
        .concat(sound.map((each) => ({ ...each, wanted: false })))
        .flatMap((each) => candidateLabels(clients, each.remoteAddress, each, atMs)),
    ],
  };
}

/** One for each customer of the clients. */
function candidateLabels(
  clients: readonly Owned[],
  remoteAddress: string,
  { serverPort, wanted }: { readonly serverPort: number; readonly wanted: boolean },
  atMs: number,
): readonly PlantedLabel[] {
  const customers = [...new Set(clients.map(({ customer }) => customer))];
  return customers.map((customer) => ({
    expect: wanted ? 'finding' : 'nothing',
    filter: FILTER,
    customer,
    customerAddress: null,
    remoteAddress,
    service: serviceText(serverPort),
    indicator: wanted ? remoteAddress : '',
    atMs,
  }));
}

function scenario(id: string, plant: (context: Planting) => Campaign): Scenario {
  return { id, filter: FILTER, plant: (context) => campaign(context, plant(context)) };
}

/** So many clients of each of the next customers. */
function clientsOf(context: Planting, ...counts: readonly number[]): readonly Owned[] {
  const customers = context.customersInTurn(counts.length);
  return counts.flatMap((count, i) => context.addressesOf(customers[i], count));
}

/** Servers that are popular, shared, and known to the inventory as sound. */
function soundServers(context: Planting): readonly SoundServer[] {
  const known = context.remote('publicized');
  context.scanned(known, 443, 'https');
  const everybody = context
    .customersInTurn(5)
    .flatMap((customer) => context.ordinaryClients(customer, ORDINARY_CLIENTS));
  return [
    {
      remoteAddress: context.remote('popular'),
      serverPort: CANDIDATE_PORT,
      public: everybody,
    },
    { remoteAddress: context.remote('cdn'), serverPort: CANDIDATE_PORT },
    { remoteAddress: known, serverPort: 443 },
  ];
}

/*
 * Three clients are the least that the filter takes; in a network this small, of which so many clients
 * are compromised, chance brings three together, and more must tell.
 */
export const c2Candidate: readonly Scenario[] = [
  // What the clients have in common besides is not the second C2.
  scenario('campaign', (context) => ({
    clients: clientsOf(context, 2, 2, 2),
    block: 'candidate',
    found: true,
    sound: soundServers(context),
  })),
  scenario('two-customers', (context) => ({
    clients: clientsOf(context, 3, 3),
    block: 'candidate',
    found: true,
  })),
  scenario('one-customer-two-networks', (context) => ({
    clients: [
      ...context.addressesOf('acme', 3),
      ...Array.from({ length: 3 }, () => context.special('otherNetwork', 'acme')),
    ],
    block: 'candidate',
    found: true,
  })),
  scenario('ipv6', (context) => ({
    clients: ['acme', 'acme', 'cedar', 'cedar'].map((customer) => context.customer6([customer])),
    block: 'candidate6',
    found: true,
  })),
  scenario('two-clients', (context) => ({
    clients: clientsOf(context, 1, 1),
    block: 'candidate',
    found: false,
  })),
  scenario('one-network', (context) => ({
    clients: Array.from({ length: 3 }, () => context.special('oneNetwork', 'dune')),
    block: 'candidate',
    found: false,
  })),
  // Distribution of malware is no steering of hosts.
  scenario('met-malware-only', (context) => ({
    clients: clientsOf(context, 1, 1, 1),
    block: 'candidate',
    found: false,
    origin: 'malware',
  })),
  scenario('c2-never-answered', (context) => ({
    clients: clientsOf(context, 1, 1, 1),
    block: 'candidate',
    found: false,
    origin: 'only-attempts',
  })),
];
