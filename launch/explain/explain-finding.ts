import { stringify } from 'yaml';
import { filterById } from '../../filters/filters.js';
import type { REASON_NAMES, Role } from '../../pipeline/codes.js';
import type { Finding } from '../../pipeline/finding.js';
import { printable } from '../terminal-text.js';
import { evidenceSentence } from './evidence-sentences.js';
import { shapeOf } from './filter-shape.js';
import { duplicatesSentence, recordsSentence, trafficFacts } from './kept-counts.js';
import { plural, thousands } from './numbers.js';
import { sharedSentence } from './shared-addresses.js';
import { weightSentences } from './weights.js';

/**
 * One finding in plain words: what it says, and every step that led to it; `withdrawal` is the
 * revision that withdrew it, if one did. Text from data is made printable; no line feed at the end.
 */
export function explainFinding(finding: Finding, withdrawal?: Finding): string {
  const lines = [
    finding.summary,
    '',
    ...(withdrawal === undefined ? [] : [...wrapped(withdrawnSentence(withdrawal), ''), '']),
    ...facts(finding),
    '',
    'How it came about',
    ...steps(finding).flatMap((step, i) => wrapped(step, `${i + 1}. `.padStart(5))),
    '',
    'What it rests on',
    ...finding.evidence.flatMap((entry) => wrapped(evidenceSentence(entry), '   - ')),
    '',
    'Severity and confidence',
    ...weightSentences(finding).flatMap((sentence) => wrapped(sentence, '   - ')),
    '',
    'To silence exactly this, add to the suppressions file (say why, who, and until when):',
    ...suppressionSnippet(finding).split('\n'),
  ];
  return lines.map((line) => printable(line).trimEnd()).join('\n');
}

function withdrawnSentence({ revision }: Finding): string {
  return `Withdrawn by revision ${revision}: flow records that came later undid it (they showed that the other side is the client, or that what was counted together no longer qualifies). It is no finding any more. What follows is how it stood before.`;
}

function facts(finding: Finding): string[] {
  const rows: readonly (readonly [string, string])[] = [
    ['finding', `${finding.id} (${finding.status}, revision ${finding.revision})`],
    ['series', `${finding.series} (the same risk on other days)`],
    ['filter', finding.filter],
    ['severity', `${finding.severity}, confidence ${finding.confidence}`],
    ['customer', `${finding.customer}, ${endpoint(finding.customerAddress, finding.customerPort)}`],
    ['remote', `${endpoint(finding.remoteAddress, finding.remotePort)}${country(finding)}`],
    ['service', finding.service === '-' ? 'not known' : finding.service],
    ['indicator', finding.indicator],
    ['when', `${finding.firstSeen} to ${finding.lastSeen}`],
    ['conversations', conversations(finding)],
    ...trafficFacts(finding),
  ];
  return rows.map(([name, text]) => `  ${name.padEnd(14)}${text}`);
}

function conversations({ conversations: n, conversationsEstimated, windowStart }: Finding): string {
  const about = conversationsEstimated ? ', estimated to about 2 % (too many to tell apart)' : '';
  return `${thousands(n)}${about}, in the finding window that starts ${windowStart}`;
}

function endpoint(address: string | null, port: number | null): string {
  if (address === null) return 'several addresses';
  if (port === null) return `${address} (several ports)`;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function country({ remoteCountry }: Finding): string {
  return remoteCountry === null ? '' : `, country ${remoteCountry}`;
}

function steps(finding: Finding): string[] {
  return [
    `Read: ${recordsSentence(finding)}`,
    `Orient: ${orientationSentence(finding)}`,
    establishedSentence(finding),
    customerSentence(finding),
    `Deduplicate: ${duplicatesSentence(finding)}`,
    `Join: reference snapshot ${finding.referenceVersion} was asked about the remotes${finding.remoteCountry === null ? '' : `; it places this one in ${finding.remoteCountry}`}.${retroSentence(finding)}`,
    `Shared addresses: ${sharedSentence(finding)}`,
    `Filter: ${finding.filter} found ${finding.indicator}. ${filterSentence(finding.filter)}`,
    gatheringSentence(finding),
    `Suppress: no entry of the suppressions in force covered it when it was written.`,
  ];
}

function retroSentence({ retro }: Finding): string {
  return retro === true
    ? ' It is a look back: that snapshot was published after the conversations, which were kept and judged again.'
    : '';
}

function customerSentence({ customer, customerAddress, remoteAddress }: Finding): string {
  const ours = customerAddress ?? 'Every address of the customer that took part';
  const theirs =
    remoteAddress === null
      ? "the remotes do not (or are another customer's"
      : `${remoteAddress} does not (or is another customer's`;
  return `Customer: ${ours} lies in the address sets of ${customer}, and ${theirs}, who is judged apart). On the customer's side the address is not one that several organisations share, or the customer declared it exclusive; else it would have been dropped.`;
}

function gatheringSentence({ filter, conversations, subject }: Finding): string {
  const many = plural(conversations, 'conversation');
  const were = conversations === 1 ? 'was' : 'were';
  switch (shapeOf(filter)) {
    case 'group':
      return `Group: ${many} of ${subject === '-' ? 'the customer' : subject} in one finding window ${were} judged together; a conversation counts once in each of its windows.`;
    case 'day':
      return `Day: ${many} of the UTC day with ${subject} ${were} compared with earlier days of the history.`;
    default:
      return `Collapse: ${many} of the same customer address, remote, service and indicator in one finding window ${conversations === 1 ? 'is' : 'are'} this one finding.`;
  }
}

type Reason = (typeof REASON_NAMES)[number];

/** Why a side is held to be the client; the sentence that every reason code stands for. */
const REASON_SENTENCES: Readonly<Record<Reason, string>> = {
  unknown: 'nothing in the records says which side is the client.',
  'lower-port':
    'the side with the lower port is held to be the server. That is the weakest of the rules: behind a NAT that uses ports from 1024 up it errs in 11 % of cases at port 8080 and 40 % at 27017.',
  'ephemeral-port':
    'one port lies in the range that operating systems give to clients (from 32768 or 49152 up), the other below it.',
  'privileged-port': 'one port is below 1024, where servers listen, and the other is not.',
  'known-service': 'exactly one of the two ports is that of a well-known service.',
  inventory:
    'the scan inventory knows a service at exactly one of the two ends: that is the server.',
  handshake:
    'a record shows the start of the connection: a SYN without ACK comes from the client, a lone SYN+ACK from the server.',
  initiator: 'the sensor saw the connection begin and says who began it.',
};

function orientationSentence({ customerRole, filter, orientation }: Finding): string {
  if (shapeOf(filter) === 'day') return daySidesSentence(customerRole);
  const sentences: Readonly<Record<string, string>> = REASON_SENTENCES;
  const why = Object.hasOwn(REASON_SENTENCES, orientation.reason)
    ? sentences[orientation.reason]
    : 'this version does not know that reason.';
  return `${ROLE_SENTENCES[customerRole]} (reason ${orientation.reason}, confidence ${orientation.confidence}): ${why}`;
}

/** The history keeps counts, and of sides only what its kinds of counts imply. */
function daySidesSentence(role: Role): string {
  return role === 'client'
    ? 'the history counts a service where the customer is its client. How sure that was of each conversation is not kept.'
    : 'conversations of either direction count; which side was the client is not kept.';
}

const ROLE_SENTENCES: Readonly<Record<Role, string>> = {
  client: 'the customer is the client, it connected to the remote',
  server: 'the customer is the server, the remote connected to it',
  unknown: 'which side is the client is not known',
};

function establishedSentence({ filter }: Finding): string {
  if (takesAttempts(filter)) {
    return 'Established: this filter also takes attempts and answers without a connection, because they matter to it.';
  }
  return 'Established: the records show that a TCP connection was established, by an ACK among its flags beyond the handshake or by what the format tells instead (flagless records pass only with enough packets and bytes, or where the input is set to keep them). Mere attempts, and answers that nobody acknowledged, do not reach this filter.';
}

/** Not known of a filter that this version does not have. */
function takesAttempts(filter: string): boolean {
  try {
    return filterById(filter).attempts;
  } catch {
    return false;
  }
}

function filterSentence(filter: string): string {
  try {
    const known = filterById(filter);
    const policy = known.policy.safeParse({});
    return policy.success
      ? `With its default settings (yours may differ) it looks for: ${known.describe(policy.data)}`
      : '';
  } catch {
    return 'This version has no such filter.';
  }
}

/** An entry for the suppressions file that hides this finding and no other series. */
function suppressionSnippet(finding: Finding): string {
  const entry = {
    customer: finding.customer,
    filter: finding.filter,
    subject: finding.subject,
    ...(finding.remoteAddress === null ? {} : { remote: finding.remoteAddress }),
    ...(finding.remotePort === null ? {} : { port: finding.remotePort }),
    indicator: finding.indicator,
    reason: 'WHY',
    owner: 'WHO',
    expires: 'YYYY-MM-DD',
  };
  return stringify([entry], { lineWidth: 0 }).trimEnd().replace(/^/gm, '  ');
}

const WIDTH = 100;

/** Text broken at spaces to lines of at most 100 characters, the first after `bullet`, the rest indented as deep. */
function wrapped(text: string, bullet: string): string[] {
  const lines: string[] = [];
  let line = bullet;
  let empty = true;
  for (const word of text.split(' ')) {
    if (!empty && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = ' '.repeat(bullet.length);
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  return [...lines, line];
}
