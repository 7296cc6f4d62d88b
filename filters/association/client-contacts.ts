import { BoundedMap, BoundedSet } from '../bounded.js';
import type { Conversation } from '../conversation.js';
import { addContact, countContact, noContact, type Contact } from './contact.js';

/** Known C2s of one client that are named. */
const MAX_C2S = 8;

/**
 * Services of one client that are looked at. Of more those with the smallest hashes, which are the
 * same services for every client.
 */
const MAX_SERVICES = 4096;

/** Whom one client of a customer talked to: the C2s that lists know, and services that might be one. */
export class ClientContacts {
  readonly #c2s = new BoundedSet(MAX_C2S);
  /** By `address port/protocol`. */
  readonly #services = new BoundedMap<Contact>(MAX_SERVICES, addContact);

  static restore(json: unknown): ClientContacts {
    const [c2s, services] = json as readonly [unknown, unknown];
    const contacts = new ClientContacts();
    if (c2s !== null) contacts.#c2s.restore(c2s);
    contacts.#services.restore(apart(services as SavedServices));
    return contacts;
  }

  /** Nearly all clients have no C2. */
  save(): readonly [c2s: unknown, services: unknown] {
    return [this.compromised ? this.#c2s.save() : null, apart(this.#services.save())];
  }

  addC2(indicator: string): void {
    this.#c2s.add(indicator);
  }

  addService(service: string, conversation: Conversation): void {
    const known = this.#services.get(service);
    if (known !== undefined) {
      countContact(known, conversation);
      return;
    }
    const contact = noContact();
    countContact(contact, conversation);
    this.#services.add(service, contact);
  }

  merge(from: ClientContacts): void {
    this.#c2s.merge(from.#c2s);
    this.#services.merge(from.#services);
  }

  get compromised(): boolean {
    return this.#c2s.size > 0;
  }

  /** Indicators of known C2s, sorted; at most eight. */
  get c2s(): readonly string[] {
    return this.#c2s.texts();
  }

  get serviceCount(): number {
    return this.#services.size;
  }

  services(): readonly (readonly [service: string, contact: Contact])[] {
    return this.#services.entries();
  }
}

type SavedServices = ReturnType<BoundedMap<Contact>['save']>;

/** With contacts of its own: those of a state grow in place. */
function apart({ greatest, entries }: SavedServices): SavedServices {
  return { greatest, entries: entries.map(([service, contact]) => [service, [...contact]]) };
}
