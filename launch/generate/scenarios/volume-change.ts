import type { Planted, PlantedLabel, Scenario } from '../planting.js';
import { established, type Exchange } from '../traffic.js';
import type { Random } from '../random.js';
import { addressIn } from '../topology.js';

const FILTER = 'volume-change';

/** Addresses of the customer that talk, and servers they talk to. */
const CLIENTS = 4;
const SERVERS = 12;

const SESSION_MS = 3 * 3_600_000;

/** Over in seconds, so that it counts once. */
function brief(random: Random): Exchange {
  return established(random, 700, 3_000, random.between(100, 4_000));
}

/**
 * Conversations of one customer with one network, of a country and on a port that nothing else uses:
 * `before` on each of the history days, `now` on the judged day. All three strata show the change;
 * the filter may tell one of them or all.
 */
function volume(
  id: string,
  before: number,
  now: number,
  change: 'rise' | 'fall' | undefined,
): Scenario {
  return {
    id,
    filter: FILTER,
    needsHistory: true,
    plant(context): Planted {
      const [customer] = context.customersInTurn(1);
      const owners = context.addressesOf(customer, CLIENTS);
      const { network, servers, country, port } = context.volumeKind();
      const remotes = Array.from({ length: SERVERS }, (_, i) => addressIn(servers, i));
      for (const remote of remotes) context.scanned(remote, port, 'partner-service');
      const most = Math.max(before, now);
      const conversations = Array.from({ length: most }, (_, i) =>
        context.conversation(
          {
            ...context.random.pick(owners),
            remoteAddress: context.random.pick(remotes),
            role: 'client',
            serverPort: port,
            // None may be taken for another.
            clientPort: 52_000 + i,
          },
          context.moment(),
          brief(context.random),
          i < Math.min(before, now) ? 'every-day' : now > before ? 'judged-day' : 'history-days',
        ),
      );
      const oneOf = context.group(FILTER);
      const atMs = context.moment();
      const subjects = [`country:${country}`, `network:${network}`, `service:${port}/tcp`];
      return {
        conversations,
        labels: subjects.map((subject): PlantedLabel => ({
          expect: change === undefined ? 'nothing' : 'finding',
          filter: FILTER,
          customer,
          customerAddress: null,
          remoteAddress: null,
          service: '-',
          indicator: change ?? '',
          subject,
          ...(change === undefined ? {} : { oneOf }),
          atMs,
        })),
      };
    },
  };
}

/**
 * One session of hours with a kind of remotes that was never seen before: it shows in dozens of
 * conversation windows, and is one conversation.
 */
const oneLongSession: Scenario = {
  id: 'one-long-session',
  filter: FILTER,
  needsHistory: true,
  plant(context): Planted {
    const [customer] = context.customersInTurn(1);
    const [owner] = context.addressesOf(customer, 1);
    const { network, servers, country, port } = context.volumeKind();
    const remoteAddress = addressIn(servers, 0);
    context.scanned(remoteAddress, port, 'partner-service');
    // All moments are of one day, and of the data: between two of them nothing is cut off.
    const moments = Array.from({ length: 12 }, () => context.moment()).sort((a, b) => a - b);
    const startMs = moments[0];
    const durationMs = Math.min(SESSION_MS, moments[moments.length - 1] - startMs);
    const session = context.conversation(
      { ...owner, remoteAddress, role: 'client', serverPort: port },
      startMs,
      established(context.random, 300_000, 3_000_000, durationMs),
      'judged-day',
    );
    const subjects = [`country:${country}`, `network:${network}`, `service:${port}/tcp`];
    return {
      conversations: [session],
      labels: subjects.map((subject): PlantedLabel => ({
        expect: 'nothing',
        filter: FILTER,
        customer,
        customerAddress: null,
        remoteAddress: null,
        service: '-',
        indicator: '',
        subject,
        atMs: startMs,
      })),
    };
  },
};

export const volumeChange: readonly Scenario[] = [
  volume('ten-times-as-many', 30, 300, 'rise'),
  volume('a-twentieth', 300, 15, 'fall'),
  volume('a-third-more', 60, 78, undefined),
  volume('from-one-to-four', 1, 4, undefined),
  oneLongSession,
];
