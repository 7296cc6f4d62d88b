import type { Planted, PlantedLabel, Planting, Scenario } from '../planting.js';
import { talk } from '../relation.js';

const FILTER = 'known-bad-remote';

/** Ordinary clients of each customer that talk to the address, every day. */
const CLIENTS = 10;
const CUSTOMERS = 5;

/**
 * An address that a list accuses and no published range excuses, but that everybody uses: the history
 * learns that it is shared in effect.
 */
function sharedInEffect(context: Planting): Planted {
  const remoteAddress = context.listed('learnedShared', 'malware');
  const atMs = context.moment();
  const clients = context
    .customersInTurn(CUSTOMERS)
    .flatMap((customer) => context.ordinaryClients(customer, CLIENTS));
  return {
    conversations: clients.map((owner) =>
      context.conversation(
        { ...owner, remoteAddress, role: 'client', serverPort: 443 },
        context.moment(),
        talk(context.random),
      ),
    ),
    labels: clients.map((owner): PlantedLabel => ({
      expect: 'nothing',
      filter: FILTER,
      ...owner,
      remoteAddress,
      service: '443/tcp',
      indicator: '',
      atMs,
    })),
  };
}

/** What the filters that read lists must learn from history. */
export const learnedShared: readonly Scenario[] = [
  { id: 'shared-in-effect', filter: FILTER, needsHistory: true, plant: sharedInEffect },
];
