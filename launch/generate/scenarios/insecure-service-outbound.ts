import type {
  Contact,
  Owned,
  Planted,
  PlantedConversation,
  Planting,
  Scenario,
} from '../planting.js';
import type { Random } from '../random.js';
import { talk } from '../relation.js';
import { established, interactive, type Exchange } from '../traffic.js';

const FILTER = 'insecure-service-outbound';

const MINUTE = 60_000;
/** Remotes that one address sends to. */
const RECEIVERS = 3;
/** Addresses with a service of one kind that send as little as most do: against them the others stand out. */
const ORDINARY_ADDRESSES = 8;

/** What the scan found at the customer's address. */
interface OwnService {
  readonly port: number;
  readonly service: string;
  readonly tags: readonly string[];
}

const TELNET: OwnService = { port: 23, service: 'telnet', tags: ['telnet'] };
const DATABASE: OwnService = { port: 27017, service: 'mongodb', tags: ['exposed-database'] };
const CAMERA: OwnService = { port: 8081, service: 'http', tags: ['default-credentials'] };
const SOUND: OwnService = { port: 443, service: 'https', tags: [] };

/** Hundreds of megabytes, in minutes. */
function upload(random: Random): Exchange {
  const bytes = random.between(150, 400) * 1e6;
  return established(random, bytes, 20_000, random.between(5, 20) * MINUTE);
}

function serviceAt(context: Planting, owner: Owned, { port, service, tags }: OwnService): void {
  context.scanned(owner.customerAddress, port, service, ...tags);
}

/** Two remotes of one network: one of the judged day, and one that does the same on history days. */
function strangers(context: Planting): readonly [string, string] {
  const pair = [context.remote('strange'), context.remote('strange')] as const;
  // Strange to the customer, not to the scan: c2-candidate has nothing to ask of them.
  for (const remote of pair) context.scanned(remote, 443, 'https');
  return pair;
}

/** With a remote that nobody met before; networks and countries have the same volume on all days. */
function withStranger(
  context: Planting,
  contact: Omit<Contact, 'remoteAddress'>,
  startMs: number,
  exchange: Exchange,
): { readonly remoteAddress: string; readonly conversations: readonly PlantedConversation[] } {
  const [remoteAddress, standIn] = strangers(context);
  const conversations = [
    context.conversation({ ...contact, remoteAddress }, startMs, exchange, 'judged-day'),
    context.conversation({ ...contact, remoteAddress: standIn }, startMs, exchange, 'history-days'),
  ];
  return { remoteAddress, conversations };
}

/** Short visits to a service, by which it is seen in the traffic too. */
function visits(context: Planting, owner: Owned, { port }: OwnService): PlantedConversation[] {
  return context
    .remotes('visitor', 2)
    .map((remoteAddress) =>
      context.conversation(
        { ...owner, remoteAddress, role: 'server', serverPort: port },
        context.moment(),
        talk(context.random),
      ),
    );
}

interface Outbound {
  readonly own: OwnService;
  readonly found: boolean;
  readonly to?: 'strangers' | 'known' | 'shared';
  readonly visited?: boolean;
  /** Addresses that do so, each for itself. */
  readonly addresses?: number;
  exchange(random: Random): Exchange;
}

/** An address with a service of its own that sends to others. */
function outbound(id: string, planted: Outbound): Scenario {
  const { to = 'strangers', addresses = 1 } = planted;
  return {
    id,
    filter: FILTER,
    // Without history every remote is strange.
    needsHistory: to === 'known',
    plant(context): Planted {
      const all = Array.from({ length: addresses }, () => sending(context, planted));
      return {
        conversations: all.flatMap(({ conversations }) => conversations),
        labels: all.flatMap(({ labels }) => labels),
      };
    },
  };
}

function sending(context: Planting, planted: Outbound): Planted {
  const { own, found, to = 'strangers', visited = true } = planted;
  const owner = context.customer();
  serviceAt(context, owner, own);
  const contact = { ...owner, role: 'client', serverPort: 443 } as const;
  const send = (): readonly PlantedConversation[] => {
    const startMs = context.moment();
    const sent = planted.exchange(context.random);
    if (to === 'strangers') return withStranger(context, contact, startMs, sent).conversations;
    const remoteAddress = context.remote(to === 'shared' ? 'cdn' : 'partner');
    return [context.conversation({ ...contact, remoteAddress }, startMs, sent)];
  };
  const conversations = Array.from({ length: RECEIVERS }, send).flat();
  const service = `${own.port}/tcp`;
  return {
    conversations: [...conversations, ...(visited ? visits(context, owner, own) : [])],
    labels: [
      {
        expect: found ? 'finding' : 'nothing',
        filter: FILTER,
        ...owner,
        remoteAddress: null,
        service,
        indicator: found ? `outbound:${service}` : '',
        atMs: context.moment(),
      },
    ],
  };
}

interface Inbound {
  readonly own: OwnService;
  readonly found: boolean;
  exchange(random: Random): Exchange;
}

/** An address with a service that a stranger uses. */
function inbound(id: string, planted: Inbound): Scenario {
  const { own, found } = planted;
  return {
    id,
    filter: FILTER,
    plant(context): Planted {
      const owner = context.customer();
      serviceAt(context, owner, own);
      const atMs = context.moment();
      const contact = { ...owner, role: 'server', serverPort: own.port } as const;
      const sent = planted.exchange(context.random);
      const { remoteAddress, conversations } = withStranger(context, contact, atMs, sent);
      const service = `${own.port}/tcp`;
      return {
        conversations,
        labels: [
          {
            expect: found ? 'finding' : 'nothing',
            filter: FILTER,
            ...owner,
            remoteAddress,
            service,
            indicator: found ? `inbound:${service}` : '',
            atMs,
          },
        ],
      };
    },
  };
}

/** A shell that somebody holds open. */
const shell = (random: Random): Exchange => interactive(random, random.between(33, 43) * MINUTE);

export const insecureServiceOutbound: readonly Scenario[] = [
  outbound('telnet-sends', { own: TELNET, found: true, exchange: upload }),
  outbound('database-sends', { own: DATABASE, found: true, exchange: upload }),
  // Nobody used the service that day: only the inventory knows it.
  outbound('unvisited-service', { own: CAMERA, found: true, visited: false, exchange: upload }),
  inbound('reverse-shell', { own: TELNET, found: true, exchange: shell }),
  outbound('known-receivers', { own: TELNET, found: false, to: 'known', exchange: upload }),
  outbound('shared-receivers', { own: DATABASE, found: false, to: 'shared', exchange: upload }),
  ...[TELNET, DATABASE, CAMERA].map((own) =>
    outbound(`ordinary-volume-of-${own.service}`, {
      own,
      found: false,
      visited: false,
      addresses: ORDINARY_ADDRESSES,
      exchange: talk,
    }),
  ),
  outbound('sound-service', { own: SOUND, found: false, exchange: upload }),
  inbound('short-session', {
    own: TELNET,
    found: false,
    exchange: (random) => interactive(random, random.between(4, 12) * MINUTE),
  }),
  inbound('shell-on-a-sound-service', { own: SOUND, found: false, exchange: shell }),
];
