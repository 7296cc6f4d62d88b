/** The remotes of a day that many talk to: all else about remotes is in the filters of their customers. */
import { WIDTH, type DayTables } from './day-tables.js';
import type { Prevalence } from './history.js';
import type { RemoteHash } from './remote-hash.js';
import { WordTable } from './word-table.js';

/** A remote is kept with one of these. */
const MIN_CUSTOMERS = 2;
const MIN_CLIENTS = 10;

/** What a remote needs on one and the same day for a busy day: clients, and customers with such clients. */
const BUSY_CLIENTS = 20;
const BUSY_CUSTOMERS = 5;
/** Of the customers with conversations that day. */
const BUSY_SHARE = 0.5;

/** Sorted by hash. */
export interface PrevalentRemotes {
  readonly hi: Uint32Array;
  readonly lo: Uint32Array;
  readonly customers: Uint32Array;
  /** At most `most` each. */
  readonly clients: Uint32Array;
  /** Customers with at least one such client: a remote that only reaches for the others' servers is not used by them. */
  readonly clientCustomers: Uint32Array;
}

/**
 * Sums over customers: an address is one customer's, so clients add up. Counts of clients end at
 * `most`.
 */
export function prevalentRemotes(tables: DayTables, most: number): PrevalentRemotes {
  const { remotes, contacts } = tables;
  const pairs = remotes.length / WIDTH.remotes;
  const clientsOfPair = new Uint32Array(pairs);
  for (let at = 0; at < contacts.length; at += WIDTH.contacts) clientsOfPair[contacts[at]]++;
  const table = new WordTable(2);
  const customers = new Uint32Array(pairs);
  const clients = new Uint32Array(pairs);
  const clientCustomers = new Uint32Array(pairs);
  for (let pair = 0; pair < pairs; pair++) {
    const at = pair * WIDTH.remotes;
    const row = table.add(remotes[at + 1], remotes[at + 2]);
    customers[row]++;
    clients[row] = Math.min(most, clients[row] + clientsOfPair[pair]);
    if (clientsOfPair[pair] > 0) clientCustomers[row]++;
  }
  const rows: number[] = [];
  for (let row = 0; row < table.size; row++) {
    if (customers[row] >= MIN_CUSTOMERS || clients[row] >= MIN_CLIENTS) rows.push(row);
  }
  rows.sort((a, b) => table.word(a, 0) - table.word(b, 0) || table.word(a, 1) - table.word(b, 1));
  return {
    hi: Uint32Array.from(rows, (row) => table.word(row, 0)),
    lo: Uint32Array.from(rows, (row) => table.word(row, 1)),
    customers: Uint32Array.from(rows, (row) => customers[row]),
    clients: Uint32Array.from(rows, (row) => clients[row]),
    clientCustomers: Uint32Array.from(rows, (row) => clientCustomers[row]),
  };
}

/** Whether a day on which `customers` had conversations is a busy one of the remote at `at`. */
export function isBusy(
  { clients, clientCustomers }: PrevalentRemotes,
  at: number,
  customers: number,
): boolean {
  return (
    clients[at] >= BUSY_CLIENTS &&
    clientCustomers[at] >= Math.max(BUSY_CUSTOMERS, BUSY_SHARE * customers)
  );
}

/** What is known of the remotes that were prevalent on at least one of several days. */
export class PrevalenceOfDays {
  readonly #table = new WordTable(2);
  readonly #customers: number[] = [];
  readonly #clients: number[] = [];
  readonly #days: number[] = [];

  /** Adds a day on which `customersOfDay` had conversations. Days may come in any order. */
  add(remotes: PrevalentRemotes, customersOfDay: number): void {
    const { hi, lo, customers, clients } = remotes;
    for (let i = 0; i < hi.length; i++) {
      const row = this.#table.add(hi[i], lo[i]);
      const known = this.#customers[row] ?? 0;
      if (
        customers[i] > known ||
        (customers[i] === known && clients[i] > (this.#clients[row] ?? 0))
      ) {
        this.#customers[row] = customers[i];
        this.#clients[row] = clients[i];
      }
      this.#days[row] = (this.#days[row] ?? 0) + (isBusy(remotes, i, customersOfDay) ? 1 : 0);
    }
  }

  get({ hi, lo }: RemoteHash): Prevalence | undefined {
    const row = this.#table.find(hi, lo);
    if (row < 0) return undefined;
    return {
      customers: this.#customers[row],
      clients: this.#clients[row],
      days: this.#days[row],
    };
  }

  get byteLength(): number {
    return this.#table.byteLength + this.#table.size * 24;
  }
}
