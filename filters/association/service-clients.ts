import { addressOf, formatAddress4, formatAddress6 } from '../../pipeline/address.js';
import { BoundedMap, BoundedSet } from '../bounded.js';
import { addContact, noContact, type Contact } from './contact.js';

/** Clients of one customer that a finding names. */
const MAX_NAMED = 10;

/** Networks of compromised clients that are told apart; beyond it an estimate (12 %). */
const MAX_NETWORKS = 64;

/** What the compromised clients of one customer had with a service. */
export interface Share {
  compromised: number;
  readonly contact: Contact;
  /** Known C2s by the client's address, of at most ten clients. */
  readonly named: BoundedMap<readonly string[]>;
}

/**
 * Who talks to one service, over all customers: how many clients, and more of the compromised ones.
 * Each client comes once, from the group that is its own.
 */
export class ServiceClients {
  clients = 0;
  /** By customer; made when the first comes, as most services have none. */
  #shares: Map<string, Share> | undefined;
  #networks: BoundedSet | undefined;

  static ofClient(): ServiceClients {
    const clients = new ServiceClients();
    clients.clients = 1;
    return clients;
  }

  static ofCompromised(
    customer: string,
    address: string,
    c2s: readonly string[],
    contact: Contact,
  ): ServiceClients {
    const clients = ServiceClients.ofClient();
    const share = newShare();
    share.compromised = 1;
    share.named.add(address, c2s);
    addContact(share.contact, contact);
    clients.#shares = new Map([[customer, share]]);
    clients.#networks = new BoundedSet(MAX_NETWORKS);
    clients.#networks.add(clientNetwork(address));
    return clients;
  }

  static restore(json: unknown): ServiceClients {
    const saved = json as ServiceClientsJson | number;
    const clients = new ServiceClients();
    if (typeof saved === 'number') {
      clients.clients = saved;
      return clients;
    }
    clients.clients = saved.clients;
    clients.#networks = new BoundedSet(MAX_NETWORKS).restore(saved.networks);
    clients.#shares = new Map(
      saved.shares.map(([customer, compromised, contact, named]) => {
        const share = newShare();
        share.compromised = compromised;
        addContact(share.contact, contact);
        share.named.restore(named);
        return [customer, share];
      }),
    );
    return clients;
  }

  /** The number of clients where that is all. */
  save(): ServiceClientsJson | number {
    const { clients } = this;
    if (this.#shares === undefined || this.#networks === undefined) return clients;
    return {
      clients,
      shares: [...this.#shares].map(([customer, { compromised, contact, named }]) => [
        customer,
        compromised,
        // It grows in place.
        [...contact],
        named.save(),
      ]),
      networks: this.#networks.save(),
    };
  }

  /** `from` is not used again. */
  merge(from: ServiceClients): void {
    this.clients += from.clients;
    if (from.#shares === undefined || from.#networks === undefined) return;
    if (this.#shares === undefined || this.#networks === undefined) {
      this.#shares = from.#shares;
      this.#networks = from.#networks;
      return;
    }
    this.#networks.merge(from.#networks);
    for (const [customer, share] of from.#shares) {
      const known = this.#shares.get(customer);
      if (known === undefined) {
        this.#shares.set(customer, share);
        continue;
      }
      known.compromised += share.compromised;
      known.named.merge(share.named);
      addContact(known.contact, share.contact);
    }
  }

  get compromised(): number {
    let sum = 0;
    for (const { compromised } of this.shares.values()) sum += compromised;
    return sum;
  }

  /** Distinct networks (/24, IPv6: /48) of the compromised clients. */
  get networks(): number {
    return this.#networks?.distinct ?? 0;
  }

  /** By customer; only those with compromised clients. */
  get shares(): ReadonlyMap<string, Share> {
    return this.#shares ?? NO_SHARES;
  }
}

const NO_SHARES: ReadonlyMap<string, Share> = new Map();

interface ServiceClientsJson {
  readonly clients: number;
  readonly shares: readonly (readonly [
    customer: string,
    compromised: number,
    contact: Contact,
    named: unknown,
  ])[];
  readonly networks: unknown;
}

function newShare(): Share {
  // Of two lists of one client's C2s either would do: there is one.
  return { compromised: 0, contact: noContact(), named: new BoundedMap(MAX_NAMED, (c2s) => c2s) };
}

/** `198.51.100.0/24`: where one client is infected, its neighbours often have the same cause. */
function clientNetwork(address: string): string {
  const parsed = addressOf(address);
  if (parsed === undefined) throw new Error(`client ${address} has no address`);
  const [w0, w1] = parsed.words;
  return parsed.family === 4
    ? `${formatAddress4(w0 & 0xffffff00)}/24`
    : `${formatAddress6(w0, w1 & 0xffff0000, 0, 0)}/48`;
}
