import { z } from 'zod';
import { REASON_CONFIDENCE, type Confidence } from '../pipeline/codes.js';
import {
  SEVERITIES,
  type Evidence,
  type Finding,
  type Severity,
  type SpreadEvidence,
} from '../pipeline/finding.js';
import { THREAT_CATEGORIES } from '../reference/categories.js';
import { neverRemote } from '../reference/special-addresses.js';
import { defineRegroupedFilter, type GroupDetection } from './group-filter.js';
import { insecureTags } from './insecure-tags.js';
import { listedAs, nameSome } from './sentence.js';
import { insecureService } from './targeting/insecure-service.js';
import { MAX_ADDRESSES, Reach, type ReachKind } from './targeting/reach.js';
import { SEVERAL_SERVICES, ServiceReaches } from './targeting/service-reaches.js';
import { ThreatMatcher } from './targeting/threat-matcher.js';

/** Categories of remotes that a host of yours should not even be known to. */
const STEERING: ReadonlySet<string> = new Set(['c2', 'ransomware']);

/** Services of a customer that a remote only tried, and those where it came further, before all of them make one finding. */
const MAX_TRIED = 3;
const MAX_FIRM = 16;

/** A remote that this many customers see, and more than half of all, is after nobody. */
const MASS_CUSTOMERS = 3;

const MIN_ADDRESSES = `expected a whole number from 1 to ${MAX_ADDRESSES}`;

/** What one list entry did to one customer. */
interface Reached {
  /** Services with an established conversation, or an answer of an insecure one. */
  readonly firm: ServiceReaches;
  /** Services that were only tried. */
  readonly tried: ServiceReaches;
}

/** By customer. */
type Member = Map<string, Reached>;

/**
 * A remote that threat lists name reaches for your addresses: what it tries, on how many of them,
 * and how far it came.
 *
 * In: conversations, attempts too, in which the customer is the server and a list names the remote.
 * Out: one a customer, list entry and service, where something was established, an insecure service
 * answered, or enough addresses were tried; where more than three services were only tried, one for
 * all of them. Indicator: the most specific entry.
 * Severity: established with an insecure service high, established or answered by an insecure one
 * medium, else low; c2 and ransomware one step up. Mass scanners count only where they established
 * something, one step down.
 * Source: the feeds that are configured as `kind: tags` with a threat category.
 * Known false positives: attempts with forged source addresses (floods name whom they want blamed);
 * public services, which anybody may use and so may a listed address, be it that of a provider's NAT
 * or of a research scanner; addresses that changed hands since they were listed. A prefix counts as
 * one remote: a wide one is a mass scanner sooner.
 */
export const targetedByThreat = defineRegroupedFilter({
  id: 'targeted-by-threat',
  attempts: true,
  // A later record may show that the customer is the client, and a later customer a mass scanner.
  early: false,

  policy: z.strictObject({
    categories: z
      .array(
        z.enum(THREAT_CATEGORIES, { error: `expected one of ${THREAT_CATEGORIES.join(', ')}` }),
        { error: 'expected a list of categories' },
      )
      .default([...THREAT_CATEGORIES])
      .describe('threat categories of remotes that count'),
    /** One or two strays a day come to everybody; five of one network are chosen. */
    minAddresses: z
      .int({ error: MIN_ADDRESSES })
      .min(1, { error: MIN_ADDRESSES })
      .max(MAX_ADDRESSES, { error: MIN_ADDRESSES })
      .default(5)
      .describe('distinct addresses that must be tried where nothing was established'),
    insecureTags: insecureTags('inventory tags that make a service of the customer insecure'),
  }),

  describe: ({ categories, minAddresses }) =>
    categories.length === 0
      ? 'Nothing: no threat category is chosen.'
      : `Remotes listed as ${categories.join(', ')} that connect to the customer's services, or try ` +
        `at least ${minAddresses} of its addresses.`,

  prepare: ({ categories, minAddresses, insecureTags: tags }, reference) => ({
    minAddresses,
    matcher: new ThreatMatcher(reference.tags.mask(categories), new Set<string>(categories)),
    insecure: insecureService(reference.inventory.tagMask(tags), new Set(tags)),
  }),

  key(conversation, { matcher }) {
    const { customer, remote } = conversation;
    if (customer.role !== 'server' || neverRemote(remote.special)) return undefined;
    const found = matcher.match(conversation);
    if (found === undefined) return undefined;
    return JSON.stringify([customer.id, found.indicator, conversation.service]);
  },

  create: () => new Reach(),

  add(reach, conversation, { matcher, insecure }) {
    const found = matcher.match(conversation);
    if (found !== undefined) reach.add(conversation, found.entries, insecure);
  },

  merge: (into, from) => {
    into.merge(from);
  },

  save: (reach) => reach.save(),
  restore: (json) => Reach.restore(json),

  /** By indicator, so that `detect` sees how many customers it reaches for. */
  over: {
    *spread(key, reach) {
      const [customer, indicator, service] = JSON.parse(key) as [string, string, string];
      const reached = newReached();
      (isFirm(reach) ? reached.firm : reached.tried).add(service, reach);
      yield [indicator, new Map([[customer, reached]])];
    },
    merge(into, from) {
      for (const [customer, reached] of from) {
        const known = into.get(customer);
        if (known === undefined) into.set(customer, reached);
        else {
          known.firm.merge(reached.firm);
          known.tried.merge(reached.tried);
        }
      }
    },
    save: (member) =>
      [...member].map(([customer, { firm, tried }]) => [customer, firm.save(), tried.save()]),
    restore: (json): Member =>
      new Map(
        (json as [string, unknown, unknown][]).map(([customer, firm, tried]) => [
          customer,
          {
            firm: ServiceReaches.restore(MAX_FIRM, firm),
            tried: ServiceReaches.restore(MAX_TRIED, tried),
          },
        ]),
      ),
    // How many addresses are enough is for the customer's policy to say.
    worthwhile: () => true,
    measure: () => [],
  },

  *detect(indicator, member, context) {
    const spread: SpreadEvidence = {
      type: 'spread',
      customers: member.size,
      ofCustomers: Math.max(member.size, context.reference.customers.customers.length),
    };
    for (const [customer, reached] of member) {
      const policy = context.policyOf(customer);
      if (policy === undefined) continue;
      for (const [service, reach] of reachesOf(reached)) {
        if (!fires(reach, spread, policy.minAddresses)) continue;
        yield detectionOf(customer, indicator, service, reach, spread);
      }
    }
  },

  severityOf,

  summarize(finding) {
    const { indicator, remoteAddress } = finding;
    const who = remoteAddress ?? `Addresses of ${indicator}`;
    return `${who} ${reachText(finding)}; the remote is listed as ${listedAs(finding)}.`;
  },
});

function newReached(): Reached {
  return { firm: new ServiceReaches(MAX_FIRM), tried: new ServiceReaches(MAX_TRIED) };
}

function isFirm(reach: Reach): boolean {
  return reach.count('established') > 0 || reach.count('insecure-answered') > 0;
}

/** By service; what was put together of both kinds is one. */
function reachesOf({ firm, tried }: Reached): Iterable<readonly [string, Reach]> {
  const entries = [...firm.entries(), ...tried.entries()];
  const broad = entries.filter(([service]) => service === SEVERAL_SERVICES);
  if (broad.length < 2) return entries;
  const together = new Reach();
  for (const [, reach] of broad) together.merge(reach);
  const single = entries.filter(([service]) => service !== SEVERAL_SERVICES);
  return [...single, [SEVERAL_SERVICES, together]];
}

function fires(reach: Reach, spread: SpreadEvidence, minAddresses: number): boolean {
  if (reach.count('established') > 0) return true;
  if (isMassScanner(spread)) return false;
  return reach.count('insecure-answered') > 0 || reach.count('attempted') >= minAddresses;
}

function isMassScanner({ customers, ofCustomers }: SpreadEvidence): boolean {
  return customers >= MASS_CUSTOMERS && customers > ofCustomers / 2;
}

function detectionOf(
  customer: string,
  indicator: string,
  service: string,
  reach: Reach,
  spread: SpreadEvidence,
): GroupDetection {
  const prefix = indicator.includes('/');
  const evidence: Evidence[] = [
    ...reach.lists(),
    ...reach.targets(),
    ...(prefix ? [reach.from()] : []),
    ...reach.insecure(),
    spread,
  ];
  const [remote] = reach.remotes();
  return {
    severity: severityOf(evidence),
    confidence: confidenceOf(reach.tally.reason, prefix),
    customer,
    // Nothing of the id may depend on how many addresses are known yet.
    subject: '-',
    customerAddress: null,
    customerPort: service === SEVERAL_SERVICES ? null : Number.parseInt(service, 10),
    role: 'server',
    remoteAddress: prefix ? null : remote,
    remotePort: null,
    service,
    indicator,
    evidence,
    tally: reach.tally,
  };
}

/** From the evidence alone, so that it can be asked again where a suppression took some. */
function severityOf(evidence: readonly Evidence[]): Severity {
  const reached = new Set(
    evidence.flatMap((entry) => (entry.type === 'targets' ? entry.kind : [])),
  );
  let rank = SEVERITIES.indexOf('low');
  if (reached.has('established') || reached.has('insecure-answered')) {
    rank = SEVERITIES.indexOf('medium');
  }
  if (reached.has('insecure-established')) rank = SEVERITIES.indexOf('high');
  if (evidence.some((entry) => entry.type === 'list' && STEERING.has(entry.category))) rank++;
  rank = Math.min(rank, SEVERITIES.indexOf('high'));
  if (evidence.some((entry) => entry.type === 'spread' && isMassScanner(entry))) rank--;
  return SEVERITIES[Math.max(0, rank)];
}

/** As of a list match, by the best reason for the side that one of the conversations has. */
function confidenceOf(reason: number, prefix: boolean): Confidence {
  if (REASON_CONFIDENCE[reason] === 'low') return prefix ? 'low' : 'medium';
  return prefix ? 'medium' : 'high';
}

/** `tried 12 addresses on 22/tcp (3 answered, 1 connection established; insecure by a scan: telnet)`. */
function reachText({ service, evidence }: Finding): string {
  const targets = new Map(
    evidence.flatMap((entry) => (entry.type === 'targets' ? [[entry.kind, entry] as const] : [])),
  );
  const count = (kind: ReachKind): number => targets.get(kind)?.targets ?? 0;
  const ports = targets.get('attempted')?.ports ?? [];
  const on = service === SEVERAL_SERVICES ? portsText(ports) : service;
  const insecure = evidence.flatMap((entry) => (entry.type === 'inventory' ? entry.tags : []));
  const came = [
    `${count('answered')} answered`,
    `${count('established')} with connections established`,
    ...(insecure.length === 0
      ? []
      : [`${count('insecure-answered')} insecure by a scan: ${nameSome(insecure)}`]),
  ];
  const addresses = count('attempted') === 1 ? '1 address' : `${count('attempted')} addresses`;
  return `reached for ${addresses} on ${on} (${came.join(', ')})`;
}

function portsText(ports: readonly number[]): string {
  const shown = ports.slice(0, 3).join(', ');
  return ports.length > 3 ? `ports ${shown} and more` : `ports ${shown}`;
}
