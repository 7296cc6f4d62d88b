import { ROLE_NAMES, type Role } from '../pipeline/codes.js';
import { formatAddressAt } from '../pipeline/address.js';
import type { ConversationBatch } from '../pipeline/conversation-batch.js';
import { protocolName } from '../pipeline/protocols.js';
import type { Reference, ServiceEntry, TagEntry } from '../reference/reference.js';

/**
 * One row of a batch under the names an analyst would use. The same view is moved from row to row:
 * keep nothing of it. Numbers are read straight from the columns; texts and entries are made only
 * when asked for, which is for rows that hit.
 */
export class Conversation {
  readonly customer: CustomerEnd;
  readonly remote: RemoteEnd;
  readonly #at: Cursor;

  constructor(batch: ConversationBatch, reference: Reference) {
    this.#at = { batch, reference, row: 0 };
    this.customer = new CustomerEnd(this.#at);
    this.remote = new RemoteEnd(this.#at);
  }

  /** Moves the view to row `row`. */
  move(row: number): void {
    this.#at.row = row;
  }

  get row(): number {
    return this.#at.row;
  }

  get batch(): ConversationBatch {
    return this.#at.batch;
  }

  /** IANA protocol number. */
  get protocol(): number {
    return this.#at.batch.columns.protocol[this.#at.row];
  }

  /** GRADE code. */
  get grade(): number {
    return this.#at.batch.columns.grade[this.#at.row];
  }

  /** REASON code of the orientation. */
  get reason(): number {
    return this.#at.batch.columns.reason[this.#at.row];
  }

  /** TCP flags OR-ed over what the customer sent; 0 where formats have none. */
  get flagsOut(): number {
    return this.#at.batch.columns.flagsOut[this.#at.row];
  }

  /** The same of what it received. */
  get flagsIn(): number {
    return this.#at.batch.columns.flagsIn[this.#at.row];
  }

  /** First and last ms of its records in this window. */
  get firstMs(): number {
    return this.#at.batch.columns.firstMs[this.#at.row];
  }

  get lastMs(): number {
    return this.#at.batch.columns.lastMs[this.#at.row];
  }

  /** Start of its conversation window. */
  get windowStartMs(): number {
    return this.#at.batch.columns.windowStartMs[this.#at.row];
  }

  /** `443/tcp`; `-` where the side is unknown. */
  get service(): string {
    const port = this.servicePort;
    return port === undefined ? '-' : `${port}/${protocolName(this.protocol)}`;
  }

  /** Port of the server side; undefined where the side is unknown. */
  get servicePort(): number | undefined {
    const { role } = this.customer;
    if (role === 'unknown') return undefined;
    return role === 'client' ? this.remote.port : this.customer.port;
  }
}

interface Cursor {
  readonly batch: ConversationBatch;
  readonly reference: Reference;
  row: number;
}

/** The customer's end. */
class CustomerEnd {
  readonly #at: Cursor;

  constructor(at: Cursor) {
    this.#at = at;
  }

  get id(): string {
    const { batch, row } = this.#at;
    return batch.customers[batch.columns.customer[row]];
  }

  get role(): Role {
    return ROLE_NAMES[this.#at.batch.columns.role[this.#at.row]];
  }

  get address(): string {
    const { batch, row } = this.#at;
    return formatAddressAt(batch.family, batch.columns.customerAddr, row);
  }

  get port(): number {
    return this.#at.batch.columns.customerPort[this.#at.row];
  }

  /** Words of the address: one (IPv4) or four, from `row * width` on. */
  get addressColumn(): Uint32Array {
    return this.#at.batch.columns.customerAddr;
  }

  /** Mask of the tags (ServiceTable.tagMask) that the inventory gives the customer's ip:port; 0 = not in it, or none. */
  get serviceTags(): number {
    return this.#at.reference.inventory.tagsOf(
      this.#at.batch.columns.customerService[this.#at.row],
    );
  }

  /** What the inventory holds of the customer's ip:port. */
  get service(): ServiceEntry | undefined {
    const id = this.#at.batch.columns.customerService[this.#at.row];
    return id === 0 ? undefined : this.#at.reference.inventory.entry(id);
  }
}

/** The other end. */
class RemoteEnd {
  readonly #at: Cursor;

  constructor(at: Cursor) {
    this.#at = at;
  }

  get address(): string {
    const { batch, row } = this.#at;
    return formatAddressAt(batch.family, batch.columns.remoteAddr, row);
  }

  /** Words of the address: one (IPv4) or four, from `row * width` on. */
  get addressColumn(): Uint32Array {
    return this.#at.batch.columns.remoteAddr;
  }

  get port(): number {
    return this.#at.batch.columns.remotePort[this.#at.row];
  }

  /** Index into `reference.countries.codes`; 0 = no table says. */
  get countryId(): number {
    return this.#at.batch.columns.remoteCountry[this.#at.row];
  }

  /** ISO 3166-1 alpha-2; '' where no table says. */
  get country(): string {
    return this.#at.reference.countries.codes[this.countryId];
  }

  /** Whether several organisations share the address: a bare-address mark then says nothing about this one. */
  get shared(): boolean {
    return this.#at.batch.columns.remoteShared[this.#at.row] === 1;
  }

  /** Code of the special-purpose block; 0 = ordinary space. */
  get special(): number {
    return this.#at.batch.columns.remoteSpecial[this.#at.row];
  }

  /** Mask of the categories (TagTable.mask) of the ranges that cover the address. */
  get categories(): number {
    return this.#at.reference.tags.categoriesOf(this.#at.batch.columns.remoteTags[this.#at.row]);
  }

  /** Mask of the categories of the exact ip:port. */
  get endpointCategories(): number {
    return this.#at.reference.tags.categoriesOf(
      this.#at.batch.columns.remoteEndpointTags[this.#at.row],
    );
  }

  /** Entries that cover the address. */
  get tags(): readonly TagEntry[] {
    return this.#at.reference.tags.entries(this.#at.batch.columns.remoteTags[this.#at.row]);
  }

  /** Entries that name the exact ip:port. */
  get endpointTags(): readonly TagEntry[] {
    return this.#at.reference.tags.entries(this.#at.batch.columns.remoteEndpointTags[this.#at.row]);
  }

  /** Mask of the tags (ServiceTable.tagMask) of the remote service in the inventory; 0 = not in it. */
  get serviceTags(): number {
    return this.#at.reference.inventory.tagsOf(this.#at.batch.columns.remoteService[this.#at.row]);
  }

  /** What the inventory holds of the remote ip:port. */
  get service(): ServiceEntry | undefined {
    const id = this.#at.batch.columns.remoteService[this.#at.row];
    return id === 0 ? undefined : this.#at.reference.inventory.entry(id);
  }
}
