import { z } from 'zod';
import { REASON, REASON_CONFIDENCE, type Confidence } from '../pipeline/codes.js';
import type { EstimateEvidence, TargetsEvidence } from '../pipeline/finding.js';
import { defineGroupFilter } from './group-filter.js';
import { isAnswered, isProbe } from './unpublicized/exchange.js';
import { kindOf, KINDS, lastScanOf, type Kind } from './unpublicized/kind.js';
import { estimateProbes } from './unpublicized/probes.js';
import { MAX_TARGETS, ProbedTargets } from './unpublicized/targets.js';

/**
 * Distinct targets of one address in a finding window (a day) at which it fires. A busy NAT address
 * reaches for dead addresses too, by stale names and typing errors: with 5 a day, Poisson, it comes
 * to 20 with a probability of 3.5e-7 a day, and 20 is the least number with less than 1e-6. With 8
 * a day it is 2.5e-4, so a network of many such addresses wants more.
 */
const DEFAULT_TARGETS = 20;

/** So many times the threshold is a scan of the Internet, not of a neighbourhood. */
const HIGH_FACTOR = 10;

/** Silence that was heard longer ago says little: what was dark then may have been given out since. */
const STALE_SCAN_MS = 90 * 86_400_000;

/**
 * Where more targets come than are told apart, a threshold up to here is judged by those that are
 * known one by one, never by what a sample is taken to stand for: 4 of a sample of 1 in 5 would pass
 * for 20 by luck. Beyond, the sample must hold so many, which is right to 10 %.
 */
const ENOUGH_KNOWN = 100;

const KIND_NOTES = {
  silent: 'a scan looked at that address and port and knows no service there at all',
  unrouted: 'in no announced network',
  reserved: 'in special-purpose space',
} as const satisfies Readonly<Record<Kind, string>>;

const KINDS_EXPECTED = `expected a list of ${KINDS.join(', ')}`;
const TARGETS_EXPECTED = 'expected a whole number >= 2';

/**
 * A host of yours reached for many addresses that nobody has a reason to talk to: it scans.
 *
 * In: attempts included, conversations in which the customer is the client and sent a probe (SYN,
 * FIN, null, Xmas; never an ACK) to special-purpose space that is not local, to a network that
 * nobody announces, or to an address and port that a scan covered without finding a service there.
 * A remote that answered the same customer address anywhere in the finding window, on whichever of
 * such ports, does not count: it may be unpublicized, but it is used (a VPN, a service newer than
 * the scan), and a sample often holds the SYN of a conversation without its answer. What a host
 * sends that is itself scanned, or whose address somebody forges, is backscatter (SYN+ACK, RST) and
 * does not count, towards however many.
 * Out: one a customer address with `targets` distinct such remotes in the finding window; indicator:
 * the kind of most of them. Ports, traffic and the estimate are those of all probes, whoever answered.
 * Source: the IANA special-purpose registries (built in), announced prefixes (`kind: routed`), the
 * scan inventory and its coverage (`kind: inventory`, `kind: coverage`). Without the latter two
 * feeds only reserved space counts. Darknets as detectors: Moore et al., Network Telescopes, 2004.
 * Known false positives: peer-to-peer (peers that went away), crawlers, mail servers with stale MX
 * records, the organisation's own scanners and monitoring (suppress them); under sampling, private
 * space behind a VPN (leave `reserved` out of `kinds`) and services newer than the scan, of which
 * all day no answer was sampled, or only on a port that no scan covered: medium confidence at most.
 * ACK scans are not seen: a sampled conversation looks the same.
 */
export const unpublicizedRemote = defineGroupFilter({
  id: 'unpublicized-remote',
  attempts: true,
  // A later record may be the answer, or turn the sides round.
  early: false,

  policy: z.strictObject({
    /** Distinct addresses. */
    targets: z
      .int({ error: TARGETS_EXPECTED })
      .min(2, { error: TARGETS_EXPECTED })
      .default(DEFAULT_TARGETS)
      .describe('distinct unpublicized addresses that one address must have reached for'),
    kinds: z
      .array(z.enum(KINDS, { error: KINDS_EXPECTED }), { error: KINDS_EXPECTED })
      .default([...KINDS])
      .describe('what makes an address unpublicized'),
  }),

  describe({ targets, kinds }) {
    const chosen = KINDS.filter((kind) => kinds.includes(kind));
    if (chosen.length === 0) return 'Nothing: no kind of unpublicized address is chosen.';
    const notes = chosen.map((kind) => `${kind} (${KIND_NOTES[kind]})`).join(', ');
    const needs = [
      ...(chosen.includes('silent') ? ['silent needs a coverage feed'] : []),
      ...(chosen.includes('unrouted') ? ['unrouted needs a routed feed'] : []),
    ];
    const needed = needs.length === 0 ? '' : `; ${needs.join(', ')}`;
    return `Probes without answer from one address to ${targets} or more that are ${notes}${needed}.`;
  },

  prepare: ({ targets, kinds }, { routed, coverage, inventory }) => ({
    targets,
    space: {
      reserved: kinds.includes('reserved'),
      routed: kinds.includes('unrouted') ? routed : undefined,
      coverage: kinds.includes('silent') ? coverage : undefined,
      inventory,
    },
  }),

  key(conversation, { space }) {
    const { customer } = conversation;
    const { role } = customer;
    if (role === 'server') return undefined;
    const probed = role === 'client' && isProbe(conversation);
    if (!probed && !isAnswered(conversation)) return undefined;
    if (kindOf(conversation, space) === undefined) return undefined;
    return JSON.stringify([customer.id, customer.address]);
  },

  create: () => new ProbedTargets(),

  add(state, conversation, { space }) {
    const kind = kindOf(conversation, space);
    if (kind === undefined) return;
    if (isAnswered(conversation)) state.addAnswer(conversation.remote.address);
    else state.addProbe(kind, conversation, lastScanOf(conversation, space));
  },

  merge: (into, from) => {
    into.merge(from);
  },

  save: (state) => state.save(),
  restore: (json) => ProbedTargets.restore(json),

  *detect(key, state, context) {
    const [customer, address] = JSON.parse(key) as [string, string];
    const policy = context.policyOf(customer);
    const { tally } = state;
    if (policy === undefined || tally === undefined) return;
    const { evidence: targets, known, hostless } = state.unanswered();
    const count = countOf(targets);
    if (count < policy.targets || known < Math.min(policy.targets, ENOUGH_KNOWN)) return;
    const silenceIsSure = tally.samplingRate === 1 || hostless >= policy.targets;
    const stale = isStale(targets, state.scannedMs, context.windowStartMs);
    const ports = portsOf(targets);
    yield {
      severity: count >= HIGH_FACTOR * policy.targets ? 'high' : 'medium',
      confidence: confidenceOf(tally.reason, silenceIsSure, stale),
      customer,
      subject: address,
      customerAddress: address,
      customerPort: null,
      role: 'client',
      remoteAddress: null,
      remotePort: ports.length === 1 ? ports[0] : null,
      service: '-',
      indicator: mostOf(targets),
      evidence: [...targets, estimateProbes(tally)],
      tally,
    };
  },

  summarize(finding) {
    const targets = finding.evidence.filter((entry) => entry.type === 'targets');
    const estimate = finding.evidence.find((entry) => entry.type === 'estimate');
    const kinds = targets.map(({ kind, targets: count }) => `${count} ${kind}`).join(', ');
    return (
      `${finding.customerAddress} probed ${countText(targets)} addresses that nobody has a reason ` +
      `to talk to (${kinds}) on ${portsText(targets)}${packetsText(estimate)}; no answer was seen.`
    );
  },
});

function countOf(targets: readonly TargetsEvidence[]): number {
  return targets.reduce((sum, { targets: count }) => sum + count, 0);
}

/** Distinct, ascending. */
function portsOf(targets: readonly TargetsEvidence[]): readonly number[] {
  return [...new Set(targets.flatMap(({ ports }) => ports))].sort((a, b) => a - b);
}

/** The kind of most targets; of equals the first of KINDS, in whose order they come. */
function mostOf(targets: readonly TargetsEvidence[]): string {
  return targets.reduce((most, each) => (each.targets > most.targets ? each : most)).kind;
}

/**
 * `silenceIsSure`: every packet is known to be seen, or enough targets lie where no host can stand,
 * so that nothing can have answered. Otherwise the silence may be that of the sampling: private and
 * unannounced space can be in use behind a VPN, and a silent address since the scan.
 */
function confidenceOf(reason: number, silenceIsSure: boolean, stale: boolean): Confidence {
  if (stale) return 'low';
  // An inventory that knows one side says who serves, not that this was no answer.
  const side = reason === REASON.inventory ? 'medium' : REASON_CONFIDENCE[reason];
  return side === 'high' && !silenceIsSure ? 'medium' : side;
}

/** Whether all that speaks against the targets is a scan that is long past. */
function isStale(
  targets: readonly TargetsEvidence[],
  scannedMs: number,
  windowStartMs: number,
): boolean {
  const onlySilent = targets.every(({ kind }) => kind === 'silent');
  return onlySilent && windowStartMs - scannedMs > STALE_SCAN_MS;
}

function countText(targets: readonly TargetsEvidence[]): string {
  const estimated = targets.some(({ targets: count }) => count > MAX_TARGETS);
  return `${estimated ? 'about ' : ''}${countOf(targets)}`;
}

function portsText(targets: readonly TargetsEvidence[]): string {
  const ports = portsOf(targets);
  if (ports.length === 1) return `port ${ports[0]}`;
  return `ports ${ports.slice(0, 3).join(', ')}${ports.length > 3 ? ' and more' : ''}`;
}

function packetsText(estimate: EstimateEvidence | undefined): string {
  if (estimate === undefined) return '';
  const { observed, samplingRate, low, high } = estimate;
  if (samplingRate === 0) return ` with at least ${observed} packets (sampling rate not known)`;
  if (samplingRate === 1) return ` with ${observed} packets`;
  return ` with ${low} to ${high} packets (95 % interval, sampled 1 in ${samplingRate})`;
}
