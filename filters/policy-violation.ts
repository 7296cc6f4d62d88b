import { z } from 'zod';
import { REASON_CONFIDENCE, type Confidence } from '../pipeline/codes.js';
import { SEVERITIES, type Evidence } from '../pipeline/finding.js';
import type { Reference } from '../reference/reference.js';
import { neverRemote } from '../reference/special-addresses.js';
import type { Conversation } from './conversation.js';
import { defineFilter } from './filter.js';
import { matchEntries } from './list-match.js';
import { NetworkIndex, NO_NETWORK } from './network-index.js';
import { parsePolicyRule, RULE_FORMS, type PolicyRule } from './policy-rules.js';
import { portTable } from './port-rule.js';
import { nameSome, whoTalked } from './sentence.js';

type RuleOf<Kind extends PolicyRule['kind']> = Extract<PolicyRule, { readonly kind: Kind }>;
type RemoteRule = RuleOf<'endpoint' | 'network'>;

/**
 * A host of yours talked to a network, service or kind of remote that you banned.
 *
 * In: established conversations, whichever side the customer is, or unknown (the finding says which).
 * A port rule speaks of the service, so it needs the side; an ip:port rule speaks of the remote's
 * service, so it does not fire where the customer is the server.
 * Out: at most one a conversation, of the most specific rule: ip:port, then the longest network, then
 * the first tag, then the narrowest port range; indicator: that rule, normalised.
 * Source: the customer's policy.
 * Known false positives: an application on a port that another is known for; shared ranges fire too,
 * because a ban is about the range itself. Private and reserved remotes never fire.
 */
export const policyViolation = defineFilter({
  id: 'policy-violation',
  attempts: false,
  // A more specific rule cannot come later, but the side and with it the service can.
  early: true,

  policy: z.strictObject({
    /** Nobody can know what another organisation bans, so nothing. */
    banned: z
      .array(
        z
          .string({ error: `expected ${RULE_FORMS}` })
          .refine((text) => parsePolicyRule(text) !== undefined, {
            error: `expected ${RULE_FORMS}`,
          }),
        { error: 'expected a list of rules' },
      )
      .default([])
      .describe(`what is banned: ${RULE_FORMS}`),
    /** A matter of house rules, seldom an incident. */
    severity: z
      .enum(SEVERITIES, { error: `expected one of ${SEVERITIES.join(', ')}` })
      .default('medium')
      .describe('severity of a violation'),
  }),

  describe: ({ banned }) =>
    banned.length === 0
      ? 'Nothing: no rule is banned.'
      : `Conversations that break a ban: ${banned.join(', ')}.`,

  prepare({ banned, severity }, reference) {
    const rules = banned
      .map(parsePolicyRule)
      .filter((rule): rule is PolicyRule => rule !== undefined);
    return { ...compile(rules, reference), severity };
  },

  detect(conversation, bans) {
    if (bans.empty) return undefined;
    const rule =
      endpointRule(conversation, bans) ??
      networkRule(conversation, bans) ??
      tagRule(conversation, bans) ??
      portRule(conversation, bans);
    if (rule === undefined || neverRemote(conversation.remote.special)) return undefined;
    return {
      severity: bans.severity,
      confidence: confidenceOf(rule, conversation),
      indicator: rule.text,
      evidence: evidenceOf(rule, conversation),
    };
  },

  summarize(finding) {
    const rules = finding.evidence.flatMap((entry) =>
      entry.type === 'policy' ? [entry.rule] : [],
    );
    return `${whoTalked(finding)}, which your policy bans: ${nameSome(rules)}.`;
  },
});

/** Rules in typed arrays, for integer look-ups a row. */
interface Bans {
  readonly empty: boolean;
  readonly networks: readonly RemoteRule[];
  readonly networkIndex: NetworkIndex;
  /** Rules of ip:port, by port. */
  readonly endpoints: ReadonlyMap<number, { rules: readonly RemoteRule[]; index: NetworkIndex }>;
  readonly tags: readonly { readonly rule: RuleOf<'tag'>; readonly mask: number }[];
  readonly tagMask: number;
  readonly ports: readonly RuleOf<'ports'>[];
  /** See portTable. */
  readonly portTable: Uint16Array;
}

function compile(rules: readonly PolicyRule[], reference: Reference): Bans {
  const networks = rules.filter((rule): rule is RemoteRule => rule.kind === 'network');
  const byPort = new Map<number, RemoteRule[]>();
  for (const rule of rules) {
    if (rule.kind !== 'endpoint') continue;
    const port = rule.remote.port ?? 0;
    byPort.set(port, [...(byPort.get(port) ?? []), rule]);
  }
  const tags = rules
    .filter((rule) => rule.kind === 'tag')
    .map((rule) => ({ rule, mask: reference.tags.mask([rule.tag]) }));
  const ports = rules.filter((rule) => rule.kind === 'ports');
  return {
    empty: rules.length === 0,
    networks,
    networkIndex: indexOf(networks),
    endpoints: new Map([...byPort].map(([port, of]) => [port, { rules: of, index: indexOf(of) }])),
    tags,
    tagMask: tags.reduce((all, { mask }) => all | mask, 0),
    ports,
    portTable: portTable(ports.map((rule) => rule.ports)),
  };
}

function indexOf(rules: readonly RemoteRule[]): NetworkIndex {
  return new NetworkIndex(rules.map(({ remote }) => remote));
}

function endpointRule(conversation: Conversation, bans: Bans): RemoteRule | undefined {
  if (bans.endpoints.size === 0) return undefined;
  const { batch, row, remote } = conversation;
  const here = bans.endpoints.get(remote.port);
  if (here === undefined || conversation.customer.role === 'server') return undefined;
  const found = here.index.find(batch.family, remote.addressColumn, row);
  return found === NO_NETWORK ? undefined : here.rules[found];
}

function networkRule(conversation: Conversation, bans: Bans): RemoteRule | undefined {
  if (bans.networks.length === 0) return undefined;
  const { batch, row, remote } = conversation;
  const found = bans.networkIndex.find(batch.family, remote.addressColumn, row);
  return found === NO_NETWORK ? undefined : bans.networks[found];
}

function tagRule(conversation: Conversation, bans: Bans): RuleOf<'tag'> | undefined {
  if (bans.tagMask === 0) return undefined;
  const categories = tagCategories(conversation);
  if ((categories & bans.tagMask) === 0) return undefined;
  return bans.tags.find(({ mask }) => (categories & mask) !== 0)?.rule;
}

/** A ban is about the range itself, so a shared address counts; an ip:port entry only where the remote may be the server. */
function tagCategories(conversation: Conversation): number {
  const { batch, row, remote, customer } = conversation;
  const { remoteTags, remoteEndpointTags } = batch.columns;
  if ((remoteTags[row] | remoteEndpointTags[row]) === 0) return 0;
  return customer.role === 'server'
    ? remote.categories
    : remote.categories | remote.endpointCategories;
}

function portRule(conversation: Conversation, bans: Bans): RuleOf<'ports'> | undefined {
  if (bans.ports.length === 0) return undefined;
  const port = conversation.servicePort;
  if (port === undefined) return undefined;
  const position = bans.portTable[port];
  return position === 0 ? undefined : bans.ports[position - 1];
}

/** Of an address nothing depends on the side; of a port everything does. */
function confidenceOf(rule: PolicyRule, conversation: Conversation): Confidence {
  if (rule.kind === 'ports') return REASON_CONFIDENCE[conversation.reason];
  return conversation.customer.role === 'unknown' ? 'medium' : 'high';
}

function evidenceOf(rule: PolicyRule, conversation: Conversation): readonly Evidence[] {
  const policy: Evidence = { type: 'policy', rule: rule.written };
  if (rule.kind !== 'tag') return [policy];
  const { remote, customer } = conversation;
  const entries =
    customer.role === 'server' ? remote.tags : [...remote.endpointTags, ...remote.tags];
  return [policy, ...(matchEntries(entries, new Set([rule.tag]))?.evidence ?? [])];
}
