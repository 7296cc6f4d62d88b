import type {
  AssociationEvidence,
  Evidence,
  HistoryEvidence,
  ScoreEvidence,
  TargetsEvidence,
  VolumeEvidence,
} from '../../pipeline/finding.js';
import { plural, significant, thousands } from './numbers.js';

/** One piece of evidence as a sentence, or several. */
export function evidenceSentence(entry: Evidence): string {
  switch (entry.type) {
    case 'list': {
      const from = entry.source === undefined ? '' : `, file ${entry.source}`;
      const since = entry.since === undefined ? 'since when is not said' : `since ${entry.since}`;
      return `List: feed ${entry.feed} (version ${shortHash(entry.feedVersion)}${from}) names ${entry.entry} as ${entry.category}, ${since}.`;
    }
    case 'country': {
      const shared = entry.sharedAddress ? ' Several organisations share that address.' : '';
      return `Country: feed ${entry.feed} (version ${shortHash(entry.feedVersion)}) places the remote in ${entry.country}.${shared}`;
    }
    case 'inventory': {
      const service = entry.service === '' ? 'a service' : entry.service;
      const seen = seenSentence(entry.firstSeen, entry.lastSeen);
      return `Inventory: feed ${entry.feed} (version ${shortHash(entry.feedVersion)}) found ${service} at ${entry.entry}, tagged ${entry.tags.join(', ')}${seen}.`;
    }
    case 'policy':
      return `Policy: the customer's rule ${entry.rule}.`;
    case 'targets':
      return targetsSentence(entry);
    case 'estimate':
      return entry.samplingRate === 1
        ? `Count: ${thousands(entry.observed)} ${entry.of}, every packet seen.`
        : `Estimate: ${thousands(entry.observed)} ${entry.of} were sampled at 1 in ${thousands(entry.samplingRate)}, which stands for about ${thousands(entry.estimate)} (${percent(entry.level)} interval ${thousands(entry.low)} to ${thousands(entry.high)}).`;
    case 'score':
      return scoreSentence(entry);
    case 'volume':
      return volumeSentence(entry);
    case 'spread':
      return `Spread: the same indicator reached for ${entry.customers} of ${plural(entry.ofCustomers, 'customer')}.`;
    case 'association':
      return associationSentence(entry);
    case 'prevalence':
      return `Prevalence: busy on ${plural(entry.days, 'earlier day')}; on the day with the most customers ${plural(entry.clients, 'client')} of ${plural(entry.customers, 'customer')} talked to the remote. It counts as shared by many.`;
    case 'history':
      return historySentence(entry);
    default:
      // A file of a later version may know more types than this one.
      return JSON.stringify(entry);
  }
}

function targetsSentence({ kind, targets, examples, ports }: TargetsEvidence): string {
  const on = ports.length === 0 ? '' : `, port${ports.length === 1 ? '' : 's'} ${ports.join(', ')}`;
  const such = examples.length === 0 ? '' : `; for example ${examples.join(', ')}`;
  return `Targets: ${plural(targets, `${kind} address`).replace(/addresss$/, 'addresses')}${on}${such}.`;
}

function scoreSentence({ score, parts }: ScoreEvidence): string {
  const each = parts.map(({ name, points, note }) => `${name} ${points} (${note})`);
  return `Score ${score} of 100: ${each.join('; ')}.`;
}

function volumeSentence(entry: VolumeEvidence): string {
  const rate = rateText(entry.samplingRate);
  const ratio = entry.ratio === null ? 'it was none before' : `${significant(entry.ratio)} times`;
  const high = entry.ratioHigh === null ? 'any' : significant(entry.ratioHigh);
  return (
    `Volume: sensor ${entry.sensor} (${rate}) saw ${plural(entry.count, 'conversation')} with ` +
    `${entry.stratum} in ${plural(entry.hours, 'hour')}, where ${plural(entry.baselineDays.length, 'earlier day')} ` +
    `(${entry.baselineDays.join(', ')}) let expect ${significant(entry.expected)}: ${entry.change}, ${ratio} ` +
    `(95 % interval ${significant(entry.ratioLow)} to ${high}). Exact conditional binomial test at dispersion ` +
    `${significant(entry.dispersion)}: p ${significant(entry.pValue)}, adjusted over ${plural(entry.tests, 'test')} ${significant(entry.adjusted)}.`
  );
}

function rateText(samplingRate: number): string {
  if (samplingRate === 0) return 'at an unknown rate';
  return samplingRate === 1 ? 'unsampled' : `at 1 in ${thousands(samplingRate)}`;
}

function associationSentence(entry: AssociationEvidence): string {
  const own = entry.clients.map(({ address, c2 }) => `${address} (known C2: ${c2.join(', ')})`);
  return (
    `Association: ${thousands(entry.compromisedHere)} of the ${plural(entry.clientsHere, 'client')} that talked to it are known to be ` +
    `compromised, in ${plural(entry.networks, 'network')}; of all ${plural(entry.allClients, 'client')} ${thousands(entry.compromised)} are. ` +
    `That is ${significant(entry.lift)} times the base rate, by chance p ${significant(entry.pValue)} (${significant(entry.expectedFalse)} such remotes expected by chance). Of this customer: ${own.join('; ')}.`
  );
}

function historySentence({ of, days, from = '?', to = '?' }: HistoryEvidence): string {
  const span = `from ${from} to ${to}`;
  if (of === 'candidate') {
    return `History: it was a candidate on ${plural(days, 'earlier day')}, ${span}.`;
  }
  return days === 0
    ? 'History: none was there, so nothing is known of what is usual.'
    : `History: ${plural(days, 'day')} ${span}.`;
}

function seenSentence(first: string | undefined, last: string | undefined): string {
  const from = first === undefined ? '' : `, first seen ${first}`;
  return last === undefined ? from : `${from}, last seen ${last}`;
}

/** Enough of a sha256 to tell versions apart. */
function shortHash(version: string): string {
  return version.slice(0, 12);
}

function percent(share: number): string {
  return `${significant(share * 100)} %`;
}
