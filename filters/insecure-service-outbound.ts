import { z } from 'zod';
import type { Finding, InventoryEvidence, ScorePart } from '../pipeline/finding.js';
import type { ServiceTable } from '../reference/reference.js';
import { neverRemote } from '../reference/special-addresses.js';
import { bytesText } from './bytes-text.js';
import type { Conversation } from './conversation.js';
import { defineRegroupedFilter } from './group-filter.js';
import { AddressState, type Limits } from './insecure-outbound/address-state.js';
import { judgeOutbound, judgeShells } from './insecure-outbound/judge.js';
import { KindMembers } from './insecure-outbound/kind-members.js';
import { insecureEvidence, insecureTags } from './insecure-tags.js';
import { nameSome } from './sentence.js';

interface Policy {
  readonly tags: readonly string[];
  readonly minBytes: number;
  readonly shellMinutes: number;
  readonly shellMaxBytes: number;
}

interface Prepared {
  readonly inventory: ServiceTable;
  /** Of the chosen tags. */
  readonly mask: number;
  readonly tags: ReadonlySet<string>;
  readonly limits: Limits;
}

const POSITIVE = 'expected a whole number of 1 or more';
const positive = (): z.ZodInt => z.int({ error: POSITIVE }).min(1, { error: POSITIVE });

/**
 * A host of yours with an insecure service sends far more than others like it, to remotes that you
 * have never talked to: somebody may have come in by that service and be carrying data out.
 *
 * In: established conversations of an address at which the scan inventory knows a service under one
 * of the tags: those in which it is the client, and those to the insecure service itself. Remotes
 * that many share do not count, and neither does special-purpose space.
 * Out: at most one a customer address and finding window, indicator `outbound:23/tcp` (its gravest
 * service), where all three hold:
 * - at least `minBytes` (scaled by the sampling rate, and from ten packets or more) went to remotes
 *   strange to the customer: not seen by it in the history, and known to fewer than 3 customers. All
 *   windows and remotes are added within a sensor, then one sensor speaks for all (volume.ts);
 * - that alone is well above all that its kind sends: robust z of log10(1 + bytes) of 3.5 or more
 *   among the addresses of all customers with the same gravest tag (median and MAD; Iglewicz and
 *   Hoaglin, 1993). Of fewer than 5 others the floor alone decides, and the evidence says so.
 *   Addresses that sent nothing are in no flow and so nobody's peers: the middle of those that did
 *   send is higher than the kind's, which makes the filter fire less, not more;
 * - the score of service, volume, strangeness and history says how severe; never critical, and
 *   without history at most medium at low confidence, because every remote is strange then.
 * Apart from it, at medium severity and low confidence, indicator `inbound:23/tcp`: a connection of a
 * strange remote to the insecure service itself that is long and small, as of a shell: the unlikely
 * variant, at most ten an address. One that lasts over the end of the finding window is judged in
 * each part by itself.
 * Known false positives: backups to a new provider, a new partner or a new site; appliances that get
 * their updates or send their telemetry; peer-to-peer, which has many strange remotes (its points are
 * halved); for shells an administrator at a new address, and monitoring that keeps connections open.
 * Not seen: a theft below the floor or through shared clouds. Of the remotes of an address the 128
 * that were sent most are looked at (among at most 1,024 that were sent 1 MB at once), so that what
 * is said of more is "at least".
 */
export const insecureServiceOutbound = defineRegroupedFilter<
  Policy,
  Prepared,
  AddressState,
  KindMembers
>({
  id: 'insecure-service-outbound',
  attempts: false,
  // The side may still flip, and what is well above its kind depends on all others.
  early: false,
  gradual: true,

  policy: z.strictObject({
    /** Tags of the inventory, as the scan names them. */
    tags: insecureTags('inventory tags that make a service of the customer insecure'),
    /** Scaled. Below it backups of a single machine and updates are everyday. */
    minBytes: positive().default(100_000_000).describe('bytes to strange remotes, scaled'),
    /** Scanners and login attempts are over in seconds. */
    shellMinutes: positive().default(30).describe('minutes that a shell lasts, at least'),
    /** Both ways, scaled: what people type and read; a file copy or a screen is more. */
    shellMaxBytes: positive().default(1_000_000).describe('bytes of a shell, at most'),
  }),

  describe: ({ tags, minBytes, shellMinutes, shellMaxBytes }) =>
    tags.length === 0
      ? 'Nothing: no inventory tag is chosen.'
      : `Addresses of the customer with a service that a scan tagged ${tags.join(', ')}, which sent ` +
        `at least ${bytesText(minBytes)} to strange remotes and far more than others like them; and ` +
        `connections to such a service of at least ${shellMinutes} minutes and at most ` +
        `${bytesText(shellMaxBytes)}.`,

  prepare: ({ tags, minBytes, shellMinutes, shellMaxBytes }, { inventory }) => ({
    inventory,
    mask: inventory.tagMask(tags),
    tags: new Set(tags),
    limits: { minBytes, shellMs: shellMinutes * 60_000, shellBytes: shellMaxBytes },
  }),

  key(conversation, { inventory, mask }) {
    if (mask === 0) return undefined;
    const { customer, remote } = conversation;
    const { role } = customer;
    if (role === 'unknown' || remote.shared || neverRemote(remote.special)) return undefined;
    const tags = role === 'server' ? customer.serviceTags : tagsAt(conversation, inventory);
    return (tags & mask) === 0 ? undefined : `${customer.address} ${customer.id}`;
  },

  create: () => new AddressState(),

  add(state, conversation, { inventory, tags, limits }) {
    const { batch, row, customer } = conversation;
    state.know(batch.referenceVersion, limits, () => {
      const at = batch.family === 4 ? row : row * 4;
      return inventory
        .entriesAt(batch.family, customer.addressColumn, at)
        .map((service) => insecureEvidence(service, tags))
        .filter((evidence) => evidence !== undefined);
    });
    if (customer.role === 'client') state.addOutbound(conversation);
    else state.addInbound(conversation);
  },

  merge: (into, from) => into.merge(from),
  save: (state) => state.save(),
  restore: (json) => AddressState.restore(json),

  over: {
    *spread(key, state): Generator<[string, KindMembers]> {
      const { kind } = state;
      if (kind === undefined) return;
      const members = new KindMembers();
      members.add(key, state.outBytes, state.facts());
      yield [kind, members];
    },
    merge: (into, from) => into.merge(from),
    save: (members) => members.save(),
    restore: (json) => KindMembers.restore(json),
    worthwhile: (members) => members.hasSuspects,
    measure: () => [],
  },

  *detect(kind, members, context) {
    const { history } = context;
    const volumes = members.compare();
    for (const [key, facts] of members.suspects()) {
      const end = key.indexOf(' ');
      const customer = key.slice(end + 1);
      const policy = context.policyOf(customer);
      if (policy === undefined) continue;
      const { limits } = policy;
      const address = key.slice(0, end);
      const suspect = { customer, address, facts, limits, kind, volumes, history };
      const outbound = judgeOutbound(suspect);
      if (outbound !== undefined) yield outbound;
      yield* judgeShells(suspect);
    }
  },

  summarize: (finding) =>
    finding.remoteAddress === null ? outboundSentence(finding) : shellSentence(finding),
});

/** Mask of the tags of all services at the customer's address. */
function tagsAt({ batch, row, customer }: Conversation, inventory: ServiceTable): number {
  const { addressColumn } = customer;
  if (batch.family === 4) return inventory.tagsAt4(addressColumn[row]);
  const at = row * 4;
  return inventory.tagsAt6(
    addressColumn[at],
    addressColumn[at + 1],
    addressColumn[at + 2],
    addressColumn[at + 3],
  );
}

function outboundSentence(finding: Finding): string {
  const score = finding.evidence.find((entry) => entry.type === 'score');
  const sent = partOf(finding, 'strangeness')?.note ?? 'it sent to strange remotes';
  return (
    `${finding.customerAddress} has an insecure service (${insecureNames(finding)}), and ${sent}: ` +
    `score ${score?.score ?? 0} of 100${withoutHistory(finding)}.`
  );
}

function shellSentence(finding: Finding): string {
  const minutes = partOf(finding, 'length')?.value ?? 0;
  const bytes = partOf(finding, 'size')?.value ?? 0;
  return (
    `${finding.remoteAddress}, a stranger, was connected to the insecure service ${finding.service} ` +
    `of ${finding.customerAddress} (${insecureNames(finding)}) for ${minutes} minutes with no more ` +
    `than ${bytesText(bytes)}: perhaps a shell, though that is unlikely${withoutHistory(finding)}.`
  );
}

function partOf({ evidence }: Finding, name: string): ScorePart | undefined {
  return evidence
    .flatMap((entry) => (entry.type === 'score' ? entry.parts : []))
    .find((part) => part.name === name);
}

/** `23/tcp: telnet`, of the gravest service that is in the evidence. */
function insecureNames({ service, evidence }: Finding): string {
  const inventory = evidence.filter(
    (entry): entry is InventoryEvidence => entry.type === 'inventory',
  );
  const tags = nameSome(inventory.flatMap((entry) => entry.tags));
  return tags === '' ? service : `${service}: ${tags}`;
}

function withoutHistory({ evidence }: Finding): string {
  return evidence.some((entry) => entry.type === 'history' && entry.days === 0)
    ? '; there is no history yet, so every remote counts as strange'
    : '';
}
