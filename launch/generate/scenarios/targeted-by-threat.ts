import type {
  Owned,
  Planted,
  PlantedConversation,
  PlantedLabel,
  Planting,
  Scenario,
} from '../planting.js';
import { serviceText } from '../planting.js';
import { talk } from '../relation.js';
import { halfOpen, refused, unanswered, type Exchange } from '../traffic.js';
import type { Random } from '../random.js';

const FILTER = 'targeted-by-threat';

/** From so many distinct addresses of one customer on, attempts alone fire. */
const THRESHOLD = 5;
const SSH = 22;

/** A remote that reaches for addresses of customers. */
interface Attack {
  /** The customers'; absent = server. */
  readonly role?: 'client';
  readonly remoteAddress: string;
  /** The list entry that names it. */
  readonly indicator: string;
  readonly serverPort: number;
  readonly attempted?: readonly Owned[];
  readonly entered?: readonly Owned[];
  /** Customers that must be told. */
  readonly told: readonly string[];
}

function attack(context: Planting, planted: Attack): Planted {
  const { remoteAddress, indicator, serverPort, told, role = 'server' } = planted;
  const { attempted = [], entered = [] } = planted;
  const atMs = context.moment();
  const reach = (owner: Owned, i: number, exchange: Exchange): PlantedConversation =>
    context.conversation({ ...owner, remoteAddress, role, serverPort }, atMs + i * 150, exchange);
  const customers = [...new Set([...attempted, ...entered].map(({ customer }) => customer))];
  return {
    conversations: [
      ...attempted.map((owner, i) => reach(owner, i, attempt(context.random))),
      ...entered.map((owner, i) => reach(owner, attempted.length + i, talk(context.random))),
    ],
    labels: customers.map((customer): PlantedLabel => {
      const found = told.includes(customer);
      return {
        expect: found ? 'finding' : 'nothing',
        filter: FILTER,
        customer,
        customerAddress: null,
        // A listed network is one remote.
        remoteAddress: indicator.includes('/') ? null : remoteAddress,
        service: serviceText(serverPort),
        indicator: found ? indicator : '',
        atMs,
      };
    }),
  };
}

function attempt(random: Random): Exchange {
  return random.pick([unanswered, refused, halfOpen])(random);
}

function scenario(id: string, plant: (context: Planting) => Attack): Scenario {
  return { id, filter: FILTER, plant: (context) => attack(context, plant(context)) };
}

function attacker(context: Planting): {
  readonly remoteAddress: string;
  readonly indicator: string;
} {
  const remoteAddress = context.listed('attacker', 'attackers');
  return { remoteAddress, indicator: remoteAddress };
}

/** Who is entered is told. */
function entering(owner: Owned): Pick<Attack, 'entered' | 'told'> {
  return { entered: [owner], told: [owner.customer] };
}

/** `count` addresses of each customer. */
function each(context: Planting, customers: readonly string[], count: number): readonly Owned[] {
  return customers.flatMap((customer) => context.addressesOf(customer, count));
}

export const targetedByThreat: readonly Scenario[] = [
  // One connection says enough.
  scenario('entered', (context) => ({
    ...attacker(context),
    serverPort: SSH,
    ...entering(context.customer()),
  })),
  scenario('entered-insecure-service', (context) => {
    const owner = context.customer();
    context.scanned(owner.customerAddress, 23, 'telnet', 'telnet');
    return { ...attacker(context), serverPort: 23, ...entering(owner) };
  }),
  scenario('entered-from-listed-network', (context) => ({
    ...context.listedByPrefix('attackerPrefix', 'attackers'),
    serverPort: SSH,
    ...entering(context.customer()),
  })),
  scenario('attempts-on-many', (context) => {
    const told = context.customersInTurn(1);
    const attempted = each(context, told, 12);
    return { ...attacker(context), serverPort: 3389, attempted, told };
  }),
  scenario('attempts-on-just-enough', (context) => {
    const told = context.customersInTurn(1);
    const attempted = each(context, told, THRESHOLD);
    return { ...attacker(context), serverPort: SSH, attempted, told };
  }),
  scenario('attempts-by-c2', (context) => {
    const told = context.customersInTurn(1);
    const remoteAddress = context.listed('bad', 'c2', 'malware');
    const attempted = each(context, told, THRESHOLD + 1);
    return { remoteAddress, indicator: remoteAddress, serverPort: 445, attempted, told };
  }),
  scenario('attempts-on-two-customers', (context) => {
    const told = context.customersInTurn(2);
    const attempted = each(context, told, THRESHOLD + 1);
    return { ...attacker(context), serverPort: SSH, attempted, told };
  }),
  // It touches everybody, and got in at one.
  scenario('mass-scanner-that-entered', (context) => {
    const customers = context.customersInTurn(4);
    const told = customers.slice(0, 1);
    const attempted = each(context, customers, THRESHOLD + 1);
    return {
      ...attacker(context),
      serverPort: 443,
      attempted,
      entered: each(context, told, 1),
      told,
    };
  }),
  scenario('mass-scanner', (context) => ({
    ...attacker(context),
    serverPort: SSH,
    attempted: each(context, context.customersInTurn(4), THRESHOLD + 1),
    told: [],
  })),
  scenario('too-few-attempts', (context) => ({
    ...attacker(context),
    serverPort: SSH,
    attempted: each(context, context.customersInTurn(1), THRESHOLD - 1),
    told: [],
  })),
  scenario('unlisted-scanner', (context) => ({
    remoteAddress: context.remote('unlistedScanner'),
    indicator: '',
    serverPort: SSH,
    attempted: each(context, context.customersInTurn(1), 12),
    told: [],
  })),
  // Lists of attackers say who reaches for others, not who is bad to talk to.
  scenario('customer-is-the-client', (context) => ({
    ...attacker(context),
    role: 'client',
    serverPort: 443,
    entered: [context.customer()],
    told: [],
  })),
  scenario('shared-range', (context) => ({
    remoteAddress: context.listed('cdn', 'attackers'),
    indicator: '',
    serverPort: 443,
    entered: [context.customer()],
    told: [],
  })),
];
