import { REASON, ROLE } from '../../pipeline/codes.js';
import type { ConversationBatch } from '../../pipeline/conversation-batch.js';
import { SHARED_CATEGORIES } from '../../reference/categories.js';
import type { Reference } from '../../reference/reference.js';
import { special4, special6 } from '../../reference/special-addresses.js';

/**
 * Fills the id columns of a batch from all tables, whichever filters are enabled: what a conversation
 * is must not depend on who asks. Corrects the customer's role where the inventory knows exactly one side as a service: that outranks every rule
 * by port numbers.
 */
export function joinReferenceTables(
  batch: ConversationBatch,
  reference: Reference,
): ConversationBatch {
  markSpecial(batch);
  joinTags(batch, reference);
  joinCountries(batch, reference);
  joinInventory(batch, reference);
  orientByInventory(batch);
  return { ...batch, referenceVersion: reference.version };
}

function markSpecial({ family, rows, columns }: ConversationBatch): void {
  const { remoteAddr, remoteSpecial } = columns;
  if (family === 4) {
    for (let i = 0; i < rows; i++) remoteSpecial[i] = special4(remoteAddr[i]);
  } else {
    for (let i = 0, a = 0; i < rows; i++, a += 4) {
      remoteSpecial[i] = special6(
        remoteAddr[a],
        remoteAddr[a + 1],
        remoteAddr[a + 2],
        remoteAddr[a + 3],
      );
    }
  }
}

function joinTags({ family, rows, columns }: ConversationBatch, { tags }: Reference): void {
  const { remoteAddr, remotePort, remoteTags, remoteEndpointTags, remoteShared } = columns;
  const shared = tags.mask(SHARED_CATEGORIES);
  if (family === 4) {
    for (let i = 0; i < rows; i++) {
      remoteTags[i] = tags.find4(remoteAddr[i]);
      remoteEndpointTags[i] = tags.findEndpoint4(remoteAddr[i], remotePort[i]);
    }
  }
  if (family === 6) {
    for (let i = 0, a = 0; i < rows; i++, a += 4) {
      const w0 = remoteAddr[a];
      const w1 = remoteAddr[a + 1];
      const w2 = remoteAddr[a + 2];
      const w3 = remoteAddr[a + 3];
      remoteTags[i] = tags.find6(w0, w1, w2, w3);
      remoteEndpointTags[i] = tags.findEndpoint6(w0, w1, w2, w3, remotePort[i]);
    }
  }
  for (let i = 0; i < rows; i++) {
    remoteShared[i] = (tags.categoriesOf(remoteTags[i]) & shared) === 0 ? 0 : 1;
  }
}

function joinCountries(
  { family, rows, columns }: ConversationBatch,
  { countries }: Reference,
): void {
  const { remoteAddr, remoteCountry } = columns;
  if (family === 4) {
    for (let i = 0; i < rows; i++) remoteCountry[i] = countries.find4(remoteAddr[i]);
    return;
  }
  for (let i = 0, a = 0; i < rows; i++, a += 4) {
    remoteCountry[i] = countries.find6(
      remoteAddr[a],
      remoteAddr[a + 1],
      remoteAddr[a + 2],
      remoteAddr[a + 3],
    );
  }
}

function joinInventory(
  { family, rows, columns }: ConversationBatch,
  { inventory }: Reference,
): void {
  const { customerAddr, customerPort, remoteAddr, remotePort, protocol } = columns;
  const { remoteService, customerService } = columns;
  if (family === 4) {
    for (let i = 0; i < rows; i++) {
      remoteService[i] = inventory.find4(remoteAddr[i], remotePort[i], protocol[i]);
      customerService[i] = inventory.find4(customerAddr[i], customerPort[i], protocol[i]);
    }
    return;
  }
  const find = (address: Uint32Array, at: number, port: number, proto: number): number =>
    inventory.find6(address[at], address[at + 1], address[at + 2], address[at + 3], port, proto);
  for (let i = 0, a = 0; i < rows; i++, a += 4) {
    remoteService[i] = find(remoteAddr, a, remotePort[i], protocol[i]);
    customerService[i] = find(customerAddr, a, customerPort[i], protocol[i]);
  }
}

function orientByInventory({ rows, columns }: ConversationBatch): void {
  const { remoteService, customerService, role, reason } = columns;
  for (let i = 0; i < rows; i++) {
    if (reason[i] >= REASON.inventory) continue;
    const remoteServes = remoteService[i] !== 0;
    if (remoteServes === (customerService[i] !== 0)) continue;
    role[i] = remoteServes ? ROLE.client : ROLE.server;
    reason[i] = REASON.inventory;
  }
}
