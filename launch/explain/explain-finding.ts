import { stringify } from 'yaml';
import { filterById, type Filter } from '../../filters/filters.js';
import type { Confidence, REASON_NAMES, Role } from '../../pipeline/codes.js';
import type { Finding } from '../../pipeline/finding.js';
import { printable } from '../terminal-text.js';
import { evidenceSentence } from './evidence-sentences.js';
import { plural, thousands } from './numbers.js';

/**
 * One finding in plain words: what it says, and every step that led to it. Text from data is made
 * printable; no line feed at the end.
 */
export function explainFinding(finding: Finding): string {
  const lines = [
    finding.summary,
    '',
    ...facts(finding),
    '',
    'How it came about',
    ...steps(finding).flatMap((step, i) => wrapped(step, `${i + 1}. `.padStart(5))),
    '',
    'What it rests on',
    ...finding.evidence.flatMap((entry) => wrapped(evidenceSentence(entry), '   - ')),
    '',
    'Severity and confidence',
    ...weights(finding).flatMap((sentence) => wrapped(sentence, '   - ')),
    '',
    'To silence exactly this, add to the suppressions file (say why, who, and until when):',
    ...suppressionSnippet(finding).split('\n'),
  ];
  return lines.map((line) => printable(line).trimEnd()).join('\n');
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
    ['out', `${plural(finding.packetsOut, 'packet')}, ${plural(finding.bytesOut, 'byte')}`],
    ['in', `${plural(finding.packetsIn, 'packet')}, ${plural(finding.bytesIn, 'byte')}`],
    ['sensors', `${finding.sensors.join(', ') || 'not named'}${rate(finding)}`],
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

function rate({ samplingRate }: Finding): string {
  if (samplingRate === null) return ', sampling rate not known';
  return samplingRate === 1 ? ', unsampled' : `, sampling 1 packet in ${thousands(samplingRate)}`;
}

function steps(finding: Finding): string[] {
  return [
    `Read: ${plural(finding.revision, 'distinct flow record')} from ${plural(finding.sensors.length, 'sensor')} stand behind it. A flow that was seen did happen. ${countsSentence(finding)}`,
    `Orient: ${orientationSentence(finding)}`,
    establishedSentence(finding),
    customerSentence(finding),
    `Deduplicate: what several sensors saw of one conversation, in either direction, counts once; counts are those of the one sensor a direction that saw most, never a sum.`,
    `Join: reference snapshot ${finding.referenceVersion} was asked about the remotes${finding.remoteCountry === null ? '' : `; it places this one in ${finding.remoteCountry}`}.`,
    `Shared addresses: ${sharedSentence(finding)}`,
    `Filter: ${finding.filter} found ${finding.indicator}. ${filterSentence(finding.filter)}`,
    gatheringSentence(finding),
    `Suppress: no entry of the suppressions in force covered it when it was written.`,
  ];
}

function customerSentence({ customer, customerAddress, remoteAddress }: Finding): string {
  const ours = customerAddress ?? 'Every address of the customer that took part';
  const theirs = remoteAddress ?? 'no remote';
  const does = remoteAddress === null ? 'does' : 'does not';
  return `Customer: ${ours} lies in the address sets of ${customer}, and ${theirs} ${does} (or is another customer's, who is judged apart). On the customer's side the address is not one that several organisations share, or the customer declared it exclusive; else it would have been dropped.`;
}

function gatheringSentence({ filter, conversations, subject }: Finding): string {
  const many = plural(conversations, 'conversation');
  switch (shapeOf(filter)) {
    case 'group':
      return `Group: ${many} of ${subject === '-' ? 'the customer' : subject} in one finding window were judged together; a conversation counts once in each of its windows.`;
    case 'day':
      return `Day: ${many} of the UTC day with ${subject} were compared with earlier days of the history.`;
    default:
      return `Collapse: ${many} of the same customer address, remote, service and indicator in one finding window are this one finding.`;
  }
}

/** undefined for a filter that this version does not have. */
function shapeOf(filter: string): Filter['shape'] | undefined {
  try {
    return filterById(filter).shape;
  } catch {
    return undefined;
  }
}

function countsSentence({ samplingRate }: Finding): string {
  if (samplingRate === 1) return 'No packet was left out, so the counts are what passed.';
  if (samplingRate === null) {
    return 'No sensor says at what rate it samples, so the counts are the least that passed.';
  }
  return `Counts are as exported, not scaled: at 1 in ${thousands(samplingRate)} (the coarsest behind them) a packet counted stands for about ${thousands(samplingRate)} that passed, and small counts may be far off.`;
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

function orientationSentence({ customerRole, orientation }: Finding): string {
  const sentences: Readonly<Record<string, string>> = REASON_SENTENCES;
  const why = Object.hasOwn(REASON_SENTENCES, orientation.reason)
    ? sentences[orientation.reason]
    : 'this version does not know that reason.';
  return `${ROLE_SENTENCES[customerRole]} (reason ${orientation.reason}, confidence ${orientation.confidence}): ${why}`;
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

function sharedSentence(finding: Finding): string {
  const { evidence } = finding;
  if (evidence.some((entry) => entry.type === 'prevalence')) {
    return 'the history shows that many unrelated clients talk to the remote: it counts as shared, though no list says so. What is left names an exact port, or is about the range itself.';
  }
  if (evidence.some((entry) => entry.type === 'country' && entry.sharedAddress)) {
    return 'the remote lies in a range that several organisations share (anycast, a cloud, a CDN). A country is about the range itself, so it fires, at low confidence.';
  }
  const lists = evidence.filter((entry) => entry.type === 'list');
  if (evidence.some((entry) => entry.type === 'policy')) {
    return 'a policy is about the range or service itself, so it holds on shared addresses too.';
  }
  if (lists.length === 0) return 'the evidence is about this very service or range, shared or not.';
  if (lists.every(({ entry }) => namesPort(entry))) {
    return 'every entry names the exact address and port, which holds even where several organisations share the address.';
  }
  return 'at least one entry names the address or network without a port. That fires only where the remote is on no range known to be shared; so it was on none.';
}

function namesPort(entry: string): boolean {
  return /^(\[[^\]]+\]|[^:]+):\d+$/.test(entry);
}

function weights(finding: Finding): string[] {
  const { evidence, severity, confidence, orientation, customerRole } = finding;
  const types = new Set<string>(evidence.map(({ type }) => type));
  const sentences: string[] = [];
  if (types.has('policy')) {
    sentences.push(`Severity ${severity} is the one that the policy sets for its violations.`);
  } else if (shapeOf(finding.filter) !== 'conversation') {
    sentences.push(
      `Severity ${severity}: what the filter gives to the evidence above taken together.`,
    );
  } else if (types.has('list')) {
    const names = [...new Set(evidence.flatMap((e) => (e.type === 'list' ? [e.category] : [])))];
    sentences.push(
      `Severity ${severity} is that of the gravest category named: ${names.join(', ')}.`,
    );
  } else if (types.has('inventory')) {
    sentences.push(`Severity ${severity} is that of the gravest tag of the service.`);
  } else if (types.has('country')) {
    const side =
      customerRole === 'client'
        ? 'The customer connected out'
        : 'The customer did not connect out, which weighs one less';
    sentences.push(`Severity ${severity} follows the country's tier in the list. ${side}.`);
  }
  sentences.push(`Confidence ${confidence}: ${confidenceSentence(finding, types)}`);
  if (ORDER[orientation.confidence] < ORDER[confidence]) {
    sentences.push(
      `Who is the client is less sure (${orientation.confidence}), but matters less here.`,
    );
  }
  return sentences;
}

const ORDER: Readonly<Record<Confidence, number>> = { low: 0, medium: 1, high: 2 };

function confidenceSentence(finding: Finding, types: ReadonlySet<string>): string {
  const { customerRole, indicator, orientation } = finding;
  if (shapeOf(finding.filter) === 'day') return 'what the test and its baseline support.';
  const sides = `who is the client is known with ${orientation.confidence} confidence (${orientation.reason})`;
  if (types.has('country')) {
    return `${sides}; a country is never more than medium, because registries name where the holder is registered and not where the machine stands.`;
  }
  if (types.has('list') && !types.has('policy')) {
    const what = indicator.includes('/')
      ? 'the entry is a network, which holds others too'
      : 'the entry is this address or service alone';
    return customerRole === 'unknown'
      ? `which side is the client is not known.`
      : `${what}; ${sides}.`;
  }
  return customerRole === 'unknown' ? 'which side is the client is not known.' : `${sides}.`;
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
