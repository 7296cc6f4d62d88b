import type { Contact, Days, Owned, Planted, Planting, Scenario } from '../planting.js';
import type { Random } from '../random.js';
import type { RemoteBlock } from '../topology.js';
import { resetAlone, synAckAlone, unanswered, type Exchange } from '../traffic.js';
import { talk } from '../relation.js';

const FILTER = 'unpublicized-remote';

/** From so many distinct targets of one customer address in a day on the filter fires. */
const THRESHOLD = 20;

/** Between two probes of a scan. */
const PACE_MS = 120;

type Kind = 'silent' | 'unrouted' | 'reserved';

/** One customer address and many remotes. */
interface Sweep extends Pick<Contact, 'role' | 'serverPort'> {
  readonly owner: Owned;
  readonly remotes: readonly string[];
  /** Distributed over the day; otherwise one after the other. */
  readonly slow?: boolean;
  readonly on?: Days;
  exchange(random: Random): Exchange;
}

function sweep(context: Planting, planted: Sweep, kind: Kind | undefined): Planted {
  const { owner, remotes, role, serverPort, slow = false, on = 'judged-day' } = planted;
  const beginMs = context.moment();
  return {
    conversations: remotes.map((remoteAddress, i) =>
      context.conversation(
        { ...owner, remoteAddress, role, serverPort },
        slow ? context.moment() : beginMs + i * PACE_MS,
        planted.exchange(context.random),
        on,
      ),
    ),
    labels: [
      {
        expect: kind === undefined ? 'nothing' : 'finding',
        filter: FILTER,
        ...owner,
        remoteAddress: null,
        service: '-',
        indicator: kind ?? '',
        atMs: beginMs,
      },
    ],
  };
}

/** A customer address that probes `targets` remotes. */
function probing(
  id: string,
  kind: Kind | undefined,
  targets: readonly (readonly [RemoteBlock, number])[],
  serverPort: number,
  slow = false,
): Scenario {
  const ipv6 = targets.some(([block]) => block === 'silent6');
  return {
    id,
    filter: FILTER,
    plant: (context) =>
      sweep(
        context,
        {
          owner: ipv6 ? context.customer6() : context.customer(),
          remotes: targets.flatMap(([block, count]) => context.remotes(block, count)),
          role: 'client',
          serverPort,
          slow,
          exchange: unanswered,
        },
        kind,
      ),
  };
}

function nearMiss(id: string, plant: (context: Planting) => Omit<Sweep, 'owner'>): Scenario {
  return {
    id,
    filter: FILTER,
    plant: (context) => sweep(context, { owner: context.customer(), ...plant(context) }, undefined),
  };
}

export const unpublicizedRemote: readonly Scenario[] = [
  probing('silent-space', 'silent', [['silent', 100]], 22),
  probing('unrouted-space', 'unrouted', [['unrouted', 30]], 445),
  probing('reserved-space', 'reserved', [['reserved', 24]], 23),
  probing('silent-ipv6', 'silent', [['silent6', 25]], 443),
  probing('all-day-long', 'silent', [['silent', THRESHOLD]], 3389, true),
  probing(
    'of-all-kinds',
    'unrouted',
    [
      ['silent', 7],
      ['unrouted', 9],
      ['reserved', 6],
    ],
    5900,
  ),
  probing('half-as-many', undefined, [['silent', THRESHOLD / 2]], 22),
  probing(
    'one-too-few-of-two-kinds',
    undefined,
    [
      ['silent', 10],
      ['unrouted', THRESHOLD - 11],
    ],
    22,
  ),
  nearMiss('publicized-targets', (context) => {
    const remotes = context.remotes('publicized', 40);
    for (const remote of remotes) context.scanned(remote, 443, 'https');
    return { remotes, role: 'client', serverPort: 443, exchange: unanswered };
  }),
  // The customer's server was flooded in the name of addresses that do not exist.
  nearMiss('backscatter-of-a-server', (context) => ({
    remotes: context.remotes('silent', 100),
    role: 'server',
    serverPort: 443,
    exchange: synAckAlone,
  })),
  // Somebody flooded others in the customer's name; it refuses what they answer.
  nearMiss('backscatter-of-a-client', (context) => ({
    remotes: context.remotes('silent', 100),
    role: 'client',
    serverPort: 443,
    exchange: resetAlone,
  })),
  nearMiss('scanned-from-silent-space', (context) => ({
    remotes: context.remotes('silent', 40),
    role: 'server',
    serverPort: 22,
    exchange: unanswered,
  })),
  // Peers that no scan knows: they do answer.
  nearMiss('talks-with-silent-space', (context) => ({
    remotes: context.remotes('silent', 30),
    role: 'client',
    serverPort: 443,
    on: 'every-day',
    exchange: talk,
  })),
];
