/** The parts of a score, 0 to 100 together: what the service is, how much went out, to whom, and how sure we can be. */
import type {
  HistoryEvidence,
  InventoryEvidence,
  ScoreEvidence,
  ScorePart,
  Severity,
} from '../../pipeline/finding.js';
import { bytesText } from '../bytes-text.js';
import { severityOfTags } from '../insecure-tags.js';
import { nameSome } from '../sentence.js';
import type { KindVolumes } from './kind-members.js';

/** From this z on a volume is well above its kind: 1 of 4,300 of a normal distribution is. */
export const FAR_OUT = 3.5;

/** Beyond this, more is not worse. */
const FARTHEST = 10;

/** Strange remotes beyond which the traffic looks rather like peer-to-peer than like a theft. */
const MANY_REMOTES = 100;

/** A full week, with its weekend. */
const ENOUGH_DAYS = 7;

const HIGH_SCORE = 70;
const MEDIUM_SCORE = 40;

const SERVICE_POINTS: Readonly<Record<Severity, number>> = {
  low: 10,
  medium: 20,
  high: 30,
  critical: 30,
};

export function scoreOf(parts: readonly ScorePart[]): ScoreEvidence {
  return { type: 'score', score: parts.reduce((sum, { points }) => sum + points, 0), parts };
}

/** A score is circumstantial, so it is never critical; without history it is medium at most. */
export function severityOfScore({ score }: ScoreEvidence, { days }: HistoryEvidence): Severity {
  const severity = score >= HIGH_SCORE ? 'high' : score >= MEDIUM_SCORE ? 'medium' : 'low';
  return severity === 'high' && days === 0 ? 'medium' : severity;
}

/** 10 to 30 points for the worst of the services. */
export function servicePart(services: readonly InventoryEvidence[]): ScorePart {
  const tags = services.flatMap((service) => service.tags);
  return {
    name: 'service',
    value: services.length,
    points: SERVICE_POINTS[severityOfTags(tags)],
    note: `insecure services at the address: ${nameSome(tags)}`,
  };
}

/**
 * 15 to 35 points for how far what strangers got is out of all that others of the kind sent; where
 * the kind is too small 10 to 20 for how far it is above the floor.
 */
export function volumePart(
  strangeBytes: number,
  minBytes: number,
  kind: string,
  { addresses, z }: KindVolumes,
): ScorePart {
  const peers = countText(Math.max(0, addresses - 1), 'other address', 'es');
  const sent = `${bytesText(strangeBytes)} to strangers`;
  const farOut = z(strangeBytes);
  if (farOut === undefined) {
    return {
      name: 'volume',
      value: strangeBytes,
      points: 10 + Math.round(10 * Math.min(1, Math.log10(strangeBytes / minBytes) / 2)),
      note:
        `${sent}; only ${peers} with ${kind} sent anything in this window, over all customers: too ` +
        `few to compare with, so the floor of ${bytesText(minBytes)} alone decides`,
    };
  }
  const beyond = (Math.min(farOut, FARTHEST) - FAR_OUT) / (FARTHEST - FAR_OUT);
  return {
    name: 'volume',
    value: round(farOut, 2),
    points: 15 + Math.round(20 * Math.max(0, beyond)),
    note:
      `${sent}: robust z of its logarithm among all that ${peers} with ${kind} sent in this window, ` +
      `over all customers`,
  };
}

/** What went to strange remotes. */
export interface StrangeTraffic {
  readonly bytes: number;
  readonly packets: number;
  readonly remotes: number;
  /** Whether all remotes of the address were looked at. */
  readonly all: boolean;
}

/** Up to 35 points for the share of the traffic that went to strange remotes. */
export function strangenessPart(strange: StrangeTraffic, outBytes: number): ScorePart {
  const share = outBytes === 0 ? 0 : strange.bytes / outBytes;
  const spread = strange.remotes > MANY_REMOTES ? 0.5 : 1;
  return {
    name: 'strangeness',
    value: round(share, 3),
    points: Math.round(35 * spread * share),
    note:
      `${strange.all ? '' : 'at least '}${bytesText(strange.bytes)} of ${bytesText(outBytes)} ` +
      `went to ${countText(strange.remotes, 'strange remote')}, by ${strange.packets} packets as ` +
      `exported${spread < 1 ? '; so many look like peer-to-peer, which halves the points' : ''}`,
  };
}

/** 5 to 10 points: a shell stays for long. */
export function lengthPart(minutes: number, windows: number, spanned: number): ScorePart {
  return {
    name: 'length',
    value: minutes,
    points: 5 + Math.round(5 * Math.min(1, minutes / (8 * 60))),
    note: `minutes from first to last record, seen in ${windows} of ${spanned} windows`,
  };
}

/** 5 to 10 points: a shell is small. */
export function sizePart(bytes: number, shellBytes: number): ScorePart {
  return {
    name: 'size',
    value: bytes,
    points: 10 - Math.round(5 * Math.min(1, bytes / shellBytes)),
    note: 'bytes both ways, scaled by the sampling rate',
  };
}

/** Takes up to 20 points where nobody can say well who is a stranger. */
export function historyPart({ days }: HistoryEvidence): ScorePart {
  if (days === 0) {
    return {
      name: 'history',
      value: 0,
      points: -20,
      note: 'there is no history: every remote counts as strange',
    };
  }
  const enough = days >= ENOUGH_DAYS;
  return {
    name: 'history',
    value: days,
    points: enough ? 0 : -10,
    note: `days before this one that tell who is strange${enough ? '' : ': less than a week'}`,
  };
}

function countText(count: number, noun: string, plural = 's'): string {
  return `${count} ${noun}${count === 1 ? '' : plural}`;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
