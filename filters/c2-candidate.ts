import { z } from 'zod';
import type { Confidence } from '../pipeline/codes.js';
import type { AssociationEvidence, Evidence, Finding } from '../pipeline/finding.js';
import { protocolName } from '../pipeline/protocols.js';
import { THREAT_CATEGORIES } from '../reference/categories.js';
import { neverRemote } from '../reference/special-addresses.js';
import { hypergeometricUpperTail } from '../statistics/hypergeometric.js';
import { ClientContacts } from './association/client-contacts.js';
import { contactTally } from './association/contact.js';
import { earlierSuspicion, type EarlierSuspicion } from './association/earlier-candidates.js';
import { EndpointTexts } from './association/endpoint-texts.js';
import { ServiceClients, type Share } from './association/service-clients.js';
import type { History } from '../history/history.js';
import type { Conversation } from './conversation.js';
import { sharedInEffect } from './shared-in-effect.js';
import { defineRegroupedFilter, type DetectContext, type GroupDetection } from './group-filter.js';
import { insecureTags } from './insecure-tags.js';
import { matchLists, tellingCategories } from './list-match.js';
import { nameSome } from './sentence.js';

/** Fewer compromised clients, or in one network only, have a cause in common too easily. */
const MIN_CLIENTS = 3;
const MIN_NETWORKS = 2;

/** A remote that so many customers talked to on an earlier day, or this share of all clients today, is popular. */
const POPULAR_CUSTOMERS = 3;
const POPULAR_SHARE = 0.05;
/** Clients from which on a share says something: of 60 clients, 3 are 5 %. */
const POPULAR_CLIENTS = 100;

/** What makes a candidate more than a weak one: so few by chance, in so many networks; or earlier days. */
const SURE_FALSE = 0.001;
const SURE_NETWORKS = 3;
const SURE_WEIGHT = 0.5;

const CATEGORIES = `expected one of ${THREAT_CATEGORIES.join(', ')}`;
const FALSE_EXPECTED = 'expected a number above 0 and at most 1';
const LIFT_EXPECTED = 'expected a number >= 1';
const CLIENTS_EXPECTED = `expected a whole number >= ${MIN_CLIENTS}`;
const NETWORKS_EXPECTED = `expected a whole number >= ${MIN_NETWORKS}`;

/**
 * A server that unusually many of the clients talk to that are known to be compromised: perhaps a
 * command-and-control server that no list knows yet.
 *
 * In: established conversations in which the customer is the client, of all customers together. A
 * client is compromised where it talked to a remote that a list names as C2, ransomware or botnet.
 * Out: one a customer with such clients, remote and service; always a candidate, of medium confidence
 * at most, and never a list entry. Other customers' clients are counted, and never named.
 * Test: of N clients, those of the customers that have a compromised client among the server's, K are
 * compromised, of the n that talk to the server k; P(X >= k) is the upper hypergeometric tail. It fires where `maxFalse` or fewer servers would come that far by chance in a
 * window: P times the servers that could fire at all, with at least `minClients` clients, of which
 * there are at most (pairs of client and service) / `minClients` (Tarone, 1990). The count must not
 * look at who is compromised: taking only servers with a compromised client selects by the outcome.
 * Example: 3 of 3 clients, where 6 of 300 are compromised and talk to 20 services each: P = 4.5e-6
 * of 2,000 servers, 0.009 by chance; with 10 of 300 it is 0.054 and takes a fourth.
 * Source: guilt by association, as in Manadhata et al., 2014; Oprea et al., 2015.
 * Known false positives: what a department with most of the infections uses alone (the test takes the
 * clients of a customer for exchangeable); second stages that are ordinary services (IP
 * look-ups, file hosts, update servers of a tool that the infected all have); sinkholes. Missed:
 * servers behind shared addresses; C2s of fewer than three clients in two networks.
 */
export const c2Candidate = defineRegroupedFilter({
  id: 'c2-candidate',
  attempts: false,
  // More clients may show the remote to be popular.
  early: false,
  gradual: true,

  policy: z.strictObject({
    categories: z
      .array(z.enum(THREAT_CATEGORIES, { error: CATEGORIES }), {
        error: 'expected a list of categories',
      })
      .default(['c2', 'ransomware', 'botnet'])
      .describe('threat categories of remotes that only a compromised client talks to'),
    maxFalse: z
      .number({ error: FALSE_EXPECTED })
      .positive({ error: FALSE_EXPECTED })
      .max(1, { error: FALSE_EXPECTED })
      .default(0.05)
      .describe('candidates that chance alone may bring in a window, over all customers'),
    minLift: z
      .number({ error: LIFT_EXPECTED })
      .min(1, { error: LIFT_EXPECTED })
      .default(5)
      .describe('share of compromised clients over that of all clients'),
    minClients: z
      .int({ error: CLIENTS_EXPECTED })
      .min(MIN_CLIENTS, { error: CLIENTS_EXPECTED })
      .default(MIN_CLIENTS)
      .describe('compromised clients of the server'),
    minNetworks: z
      .int({ error: NETWORKS_EXPECTED })
      .min(MIN_NETWORKS, { error: NETWORKS_EXPECTED })
      .default(MIN_NETWORKS)
      .describe('networks (/24, IPv6 /48) that these are in'),
    insecureTags: insecureTags('inventory tags of services that are known and still suspicious'),
  }),

  describe: ({ categories, maxFalse, minLift, minClients, minNetworks }) =>
    categories.length === 0
      ? 'Nothing: no threat category is chosen.'
      : `Servers that at least ${minClients} clients in ${minNetworks} networks talk to which also ` +
        `talked to remotes listed as ${categories.join(', ')}: ${minLift} times their share of all ` +
        `clients, and with ${maxFalse} such servers a window expected by chance.`,

  prepare: (policy, reference) => ({
    policy,
    compromising: reference.tags.mask(policy.categories),
    wanted: new Set<string>(policy.categories),
    threats: reference.tags.mask(THREAT_CATEGORIES),
    insecure: reference.inventory.tagMask(policy.insecureTags),
    // Asked for every row.
    clientTexts: new EndpointTexts((address, _, customer) => `${address} ${customer}`),
    serviceTexts: new EndpointTexts(serviceText),
  }),

  key({ batch, row, customer }, { clientTexts }) {
    if (customer.role !== 'client') return undefined;
    return clientTexts.of(batch.family, batch.columns.customerAddr, row, 0, customer.id);
  },

  create: () => new ClientContacts(),

  add(contacts, conversation, prepared) {
    if (neverRemote(conversation.remote.special)) return;
    if ((tellingCategories(conversation) & prepared.compromising) !== 0) {
      const match = matchLists(conversation, prepared.wanted);
      if (match !== undefined) contacts.addC2(match.indicator);
    }
    if (!mayBeC2(conversation, prepared)) return;
    const { batch, row, remote, protocol } = conversation;
    const number = remote.port * 256 + protocol;
    const { remoteAddr } = batch.columns;
    contacts.addService(
      prepared.serviceTexts.of(batch.family, remoteAddr, row, number),
      conversation,
    );
  },

  merge: (into, from) => {
    into.merge(from);
  },

  save: (contacts) => contacts.save(),
  restore: (json) => ClientContacts.restore(json),

  /** By the remote's service. */
  over: {
    *spread(key, contacts) {
      const end = key.indexOf(' ');
      const address = key.slice(0, end);
      const customer = key.slice(end + 1);
      const { compromised, c2s } = contacts;
      for (const [service, contact] of contacts.services()) {
        const clients = compromised
          ? ServiceClients.ofCompromised(customer, address, c2s, contact)
          : ServiceClients.ofClient();
        yield [service, clients];
      }
    },
    merge: (into, from) => {
      into.merge(from);
    },
    save: (clients) => clients.save(),
    restore: (json) => ServiceClients.restore(json),
    worthwhile: (clients) => clients.compromised >= MIN_CLIENTS && clients.networks >= MIN_NETWORKS,
    /** Clients and compromised ones by customer, and pairs of client and service. */
    *measure(key, contacts) {
      const customer = key.slice(key.indexOf(' ') + 1);
      yield ['clients', 1];
      yield [`clients of ${customer}`, 1];
      if (contacts.compromised) yield [`compromised of ${customer}`, 1];
      yield ['pairs', contacts.serviceCount];
    },
  },

  *detect(key, clients, context) {
    const end = key.indexOf(' ');
    const remote = key.slice(0, end);
    const service = key.slice(end + 1);
    const pairs = context.totals.get('pairs') ?? 0;
    const association = associationOf(clients, context.totals);
    const earlier = earlierOf(remote, context);
    if (isPopular(remote, clients.clients, context.totals.get('clients') ?? 0, earlier, context))
      return;
    if (soundClients(clients, context) < MIN_CLIENTS) return;
    for (const [customer, share] of clients.shares) {
      const prepared = context.policyOf(customer);
      if (prepared === undefined) continue;
      const { policy } = prepared;
      const expectedFalse = association.pValue * (pairs / policy.minClients);
      if (
        expectedFalse > policy.maxFalse ||
        // Not a number where there is no population: nothing stands out of nobody.
        !(association.lift >= policy.minLift) ||
        association.compromisedHere < policy.minClients ||
        association.networks < policy.minNetworks
      ) {
        continue;
      }
      const sure = expectedFalse <= SURE_FALSE && association.networks >= SURE_NETWORKS;
      const known = (earlier?.weight ?? 0) >= SURE_WEIGHT;
      const evidence: Evidence[] = [
        { ...association, expectedFalse, clients: namedClients(share) },
        ...(earlier?.evidence === undefined ? [] : [earlier.evidence]),
      ];
      const confidence = sure || known ? 'medium' : 'low';
      yield detectionOf(customer, remote, service, share, confidence, evidence);
    }
  },

  summarize: summaryOf,
});

function serviceText(address: string, number: number): string {
  return `${address} ${number >>> 8}/${protocolName(number & 0xff)}`;
}

/** Leaves out what lists, the inventory or its sharers explain. */
function mayBeC2(
  { remote, batch, row }: Conversation,
  { threats, insecure }: { readonly threats: number; readonly insecure: number },
): boolean {
  if (remote.shared) return false;
  if (((remote.categories | remote.endpointCategories) & threats) !== 0) return false;
  // A service that a scan knows and finds nothing wrong with.
  return batch.columns.remoteService[row] === 0 || (remote.serviceTags & insecure) !== 0;
}

/**
 * The test, without the customers' own clients. The population are the clients of those customers
 * that have compromised clients among the server's: what everybody at one customer uses would
 * otherwise stand out wherever that customer has most of the infections.
 */
function associationOf(
  clients: ServiceClients,
  totals: ReadonlyMap<string, number>,
): Omit<AssociationEvidence, 'clients' | 'expectedFalse'> {
  let allClients = 0;
  let compromised = 0;
  for (const customer of clients.shares.keys()) {
    allClients += totals.get(`clients of ${customer}`) ?? 0;
    compromised += totals.get(`compromised of ${customer}`) ?? 0;
  }
  const { compromised: compromisedHere, networks } = clients;
  // Clients of other customers are among them: more than there are, which makes the test fire less.
  const clientsHere = Math.min(clients.clients, allClients);
  return {
    type: 'association',
    compromisedHere,
    networks,
    clientsHere,
    compromised,
    allClients,
    lift: compromisedHere / clientsHere / (compromised / allClients),
    pValue: hypergeometricUpperTail(compromisedHere, allClients, compromised, clientsHere),
  };
}

function namedClients({ named }: Share): AssociationEvidence['clients'] {
  return named.entries().map(([address, c2]) => ({ address, c2 }));
}

function earlierOf(remote: string, context: Judged): EarlierSuspicion | undefined {
  const { history, windowStartMs } = context;
  return history === undefined
    ? undefined
    : earlierSuspicion(history.candidates(remote), windowStartMs);
}

type Judged = Pick<DetectContext<unknown>, 'history' | 'windowStartMs'>;

/**
 * Compromised clients of the server, as far as they are named, that talked to a known C2 other than
 * one that the history shows to be shared in effect: such an entry is probably an error of its feed.
 */
function soundClients(clients: ServiceClients, { history }: Judged): number {
  let sound = 0;
  for (const { named } of clients.shares.values()) {
    for (const [, c2s] of named.entries()) {
      if (c2s.some((c2) => !probablyWrong(c2, history))) sound++;
    }
  }
  return sound;
}

function probablyWrong(c2: string, history: History | undefined): boolean {
  return history !== undefined && sharedInEffect(c2, history) !== undefined;
}

/** A C2 that spreads over customers becomes popular too: what was a candidate before is not let go for it. */
function isPopular(
  remote: string,
  clientsHere: number,
  allClients: number,
  earlier: EarlierSuspicion | undefined,
  { history }: Judged,
): boolean {
  if (allClients >= POPULAR_CLIENTS && clientsHere > allClients * POPULAR_SHARE) return true;
  if ((earlier?.weight ?? 0) >= SURE_WEIGHT) return false;
  return (history?.prevalence(remote)?.customers ?? 0) >= POPULAR_CUSTOMERS;
}

function detectionOf(
  customer: string,
  remote: string,
  service: string,
  { contact }: Share,
  confidence: Confidence,
  evidence: readonly Evidence[],
): GroupDetection {
  return {
    severity: 'high',
    confidence,
    customer,
    // Which of its clients they are changes from hour to hour.
    subject: '-',
    customerAddress: null,
    customerPort: null,
    role: 'client',
    remoteAddress: remote,
    remotePort: Number.parseInt(service, 10),
    service,
    indicator: remote,
    evidence,
    tally: contactTally(contact),
  };
}

/** Says of other customers only counts. */
function summaryOf({ remoteAddress, service, evidence }: Finding): string {
  const association = evidence.find((entry) => entry.type === 'association');
  if (association === undefined)
    return `${remoteAddress ?? 'A remote'} (${service}) is a candidate.`;
  const { clients, compromisedHere, clientsHere, compromised, allClients } = association;
  const own = nameSome(clients.map(({ address }) => address));
  const c2s = nameSome(clients.flatMap(({ c2 }) => c2));
  return (
    `${own} connected to ${remoteAddress ?? 'a remote'} (${service}) and to known C2s (${c2s}); ` +
    `${compromisedHere} of the ${clientsHere} clients of that server are compromised, of all ` +
    `${allClients} clients ${compromised}: perhaps a C2 that no list knows.`
  );
}
