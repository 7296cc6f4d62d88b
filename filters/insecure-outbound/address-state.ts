import type { InventoryEvidence } from '../../pipeline/finding.js';
import { BoundedMap } from '../bounded.js';
import type { Conversation } from '../conversation.js';
import { compareTags } from '../insecure-tags.js';
import { Tally, type TallyJson } from '../tally.js';
import { servicePort, type AddressFacts, type NamedSession } from './address-facts.js';
import { RemoteVolumes } from './remote-volumes.js';
import {
  durationMs,
  joinSessions,
  looksLikeShell,
  restoreSession,
  saveSession,
  sessionOf,
  type Session,
  type SessionJson,
  type ShellLimits,
} from './session.js';
import { sentBySensor, sentVolume } from './volume.js';

/** What a customer's policy asks of an address before it is judged. */
export interface Limits extends ShellLimits {
  /** Scaled bytes to strange remotes. */
  readonly minBytes: number;
}

/** Insecure services of an address that are kept; a host with more is a honeypot or answers on all ports. */
const MAX_SERVICES = 64;

/** Sessions that are kept of an address: about 300 bytes each. */
const MAX_SESSIONS = 1024;

/** What goes on to be judged: sizes count, because all addresses of a kind come together. */
const JUDGED_REMOTES = 128;
const JUDGED_SESSIONS = 32;

/** What is known of one customer address with an insecure service. */
export class AddressState {
  #limits: Limits | undefined;
  #services = new Map<string, InventoryEvidence>();
  #outbound = new Tally();
  #remotes = new RemoteVolumes();
  readonly #sessions = new BoundedMap<Session>(MAX_SESSIONS, joinSessions);
  /** Snapshot whose services are in; not saved. */
  #version: string | undefined;

  static restore(json: unknown): AddressState {
    const saved = json as SavedState;
    const state = new AddressState();
    state.#limits = saved.limits ?? undefined;
    for (const service of saved.services) state.#services.set(service.entry, service);
    state.#outbound = Tally.restore(saved.outbound);
    state.#remotes = RemoteVolumes.restore(saved.remotes);
    const { greatest, entries } = saved.sessions;
    const sessions = entries.map(([key, session]) => [key, restoreSession(session)] as const);
    state.#sessions.restore({ greatest, entries: sessions });
    return state;
  }

  save(): SavedState {
    const { greatest, entries } = this.#sessions.save();
    return {
      limits: this.#limits ?? null,
      services: [...this.#services.values()],
      outbound: this.#outbound.save(),
      remotes: this.#remotes.save(),
      sessions: {
        greatest,
        entries: entries.map(([key, session]) => [key, saveSession(session)] as const),
      },
    };
  }

  /** Takes in the services of the address, once a snapshot, and the limits of its customer. */
  know(version: string, limits: Limits, services: () => Iterable<InventoryEvidence>): void {
    if (this.#version === version) return;
    this.#version = version;
    this.#limits = limits;
    for (const service of services()) this.#keep(service);
    this.#cutServices();
  }

  /** A conversation in which the address is the client. */
  addOutbound(conversation: Conversation): void {
    const { remote } = conversation;
    this.#remotes.add(remote.address, remote.port, sentBySensor(conversation));
    this.#outbound.add(conversation);
  }

  /** A conversation to one of its insecure services. */
  addInbound(conversation: Conversation): void {
    const { remote, service } = conversation;
    this.#sessions.add(`${remote.address} ${remote.port} ${service}`, sessionOf(conversation));
  }

  merge(from: AddressState): void {
    // All groups of one address have the limits of one policy.
    this.#limits ??= from.#limits;
    for (const service of from.#services.values()) this.#keep(service);
    this.#cutServices();
    this.#outbound.merge(from.#outbound);
    this.#remotes.merge(from.#remotes);
    this.#sessions.merge(from.#sessions);
  }

  /** All that it sent as a client, scaled. */
  get outBytes(): number {
    return sentVolume(this.#outbound).bytes;
  }

  /** The gravest tag of all its services; undefined where there is none. */
  get kind(): string | undefined {
    const tags = [...this.#services.values()].flatMap((service) => service.tags);
    return tags.sort(compareTags).at(0);
  }

  /** What may be worth a finding under the customer's limits; undefined where nothing is. */
  facts(): AddressFacts | undefined {
    const limits = this.#limits;
    if (limits === undefined) return undefined;
    const shells = this.#shells(limits);
    const { outBytes } = this;
    const judged = outBytes >= limits.minBytes;
    if (!judged && shells.length === 0) return undefined;
    const { remotes, all } = this.#remotes.top(judged ? JUDGED_REMOTES : 0);
    return {
      services: this.#sortedServices(),
      outBytes,
      remotes,
      allRemotes: all,
      outbound: this.#outbound,
      shells,
    };
  }

  #shells(limits: Limits): NamedSession[] {
    return this.#sessions
      .entries()
      .map(([key, session]) => ({ ...parseSessionKey(key), ...session }))
      .filter((session) => looksLikeShell(session, limits))
      .sort(longestFirst)
      .slice(0, JUDGED_SESSIONS);
  }

  #sortedServices(): InventoryEvidence[] {
    return [...this.#services.values()].sort(gravestFirst);
  }

  /** Of two snapshots' words on a service the later stays: which are merged first must not matter. */
  #keep(service: InventoryEvidence): void {
    const known = this.#services.get(service.entry);
    if (known === undefined || isLater(service, known)) this.#services.set(service.entry, service);
  }

  #cutServices(): void {
    if (this.#services.size <= MAX_SERVICES) return;
    const kept = this.#sortedServices().slice(0, MAX_SERVICES);
    this.#services = new Map(kept.map((service) => [service.entry, service]));
  }
}

interface SavedState {
  readonly limits: Limits | null;
  readonly services: readonly InventoryEvidence[];
  readonly outbound: TallyJson;
  readonly remotes: unknown;
  readonly sessions: {
    readonly greatest: number | null;
    readonly entries: readonly (readonly [string, SessionJson])[];
  };
}

/** By gravest tag, then port, then the rest of the entry. */
function gravestFirst(a: InventoryEvidence, b: InventoryEvidence): number {
  return (
    compareTags(gravestTag(a), gravestTag(b)) ||
    Number.parseInt(servicePort(a)) - Number.parseInt(servicePort(b)) ||
    (a.entry < b.entry ? -1 : 1)
  );
}

function gravestTag({ tags }: InventoryEvidence): string {
  return [...tags].sort(compareTags)[0];
}

function isLater(a: InventoryEvidence, b: InventoryEvidence): boolean {
  const [lastA, lastB] = [a.lastSeen ?? '', b.lastSeen ?? ''];
  return lastA === lastB ? JSON.stringify(a) > JSON.stringify(b) : lastA > lastB;
}

function parseSessionKey(key: string): Pick<NamedSession, 'remote' | 'remotePort' | 'service'> {
  const [remote, remotePort, service] = key.split(' ');
  return { remote, remotePort: Number(remotePort), service };
}

function longestFirst(a: NamedSession, b: NamedSession): number {
  return (
    durationMs(b) - durationMs(a) ||
    a.tally.firstMs - b.tally.firstMs ||
    (sessionKey(a) < sessionKey(b) ? -1 : 1)
  );
}

function sessionKey({ remote, remotePort, service }: NamedSession): string {
  return `${remote} ${remotePort} ${service}`;
}
