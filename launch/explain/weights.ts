import type { Confidence } from '../../pipeline/codes.js';
import type { Finding } from '../../pipeline/finding.js';
import { shapeOf } from './filter-shape.js';

/** Why the finding has its severity and its confidence, a sentence each, and what qualifies them. */
export function weightSentences(finding: Finding): readonly string[] {
  const types: ReadonlySet<string> = new Set(finding.evidence.map(({ type }) => type));
  const severity = severitySentence(finding, types);
  return [
    ...(severity === undefined ? [] : [severity]),
    `Confidence ${finding.confidence}: ${confidenceSentence(finding, types)}`,
    ...lessSure(finding),
  ];
}

function severitySentence(finding: Finding, types: ReadonlySet<string>): string | undefined {
  const { evidence, severity, customerRole } = finding;
  if (types.has('policy')) {
    return `Severity ${severity} is the one that the policy sets for its violations.`;
  }
  if (shapeOf(finding.filter) !== 'conversation') {
    return `Severity ${severity}: what the filter gives to the evidence above taken together.`;
  }
  if (types.has('list')) {
    const names = [...new Set(evidence.flatMap((e) => (e.type === 'list' ? [e.category] : [])))];
    return `Severity ${severity} is that of the gravest category named: ${names.join(', ')}.`;
  }
  if (types.has('inventory')) {
    return `Severity ${severity} is that of the gravest tag of the service.`;
  }
  if (types.has('country')) {
    const side =
      customerRole === 'client'
        ? 'The customer connected out'
        : 'The customer did not connect out, which weighs one less';
    return `Severity ${severity} follows the country's tier in the list. ${side}.`;
  }
  return undefined;
}

function confidenceSentence(finding: Finding, types: ReadonlySet<string>): string {
  const { customerRole, filter, indicator, orientation } = finding;
  switch (shapeOf(filter)) {
    case 'day':
      return 'what the test and its baseline support.';
    case 'group':
      return "the filter's own, from the evidence above.";
    default:
  }
  const sides = `who is the client is known with ${orientation.confidence} confidence (${orientation.reason})`;
  if (types.has('country')) {
    return `${sides}; a country is never more than medium, because registries name where the holder is registered and not where the machine stands.`;
  }
  if (customerRole === 'unknown') return 'which side is the client is not known.';
  if (types.has('list') && !types.has('policy')) {
    const what = indicator.includes('/')
      ? 'the entry is a network, which holds others too'
      : 'the entry is this address or service alone';
    return `${what}; ${sides}.`;
  }
  return `${sides}.`;
}

const ORDER: Readonly<Record<Confidence, number>> = { low: 0, medium: 1, high: 2 };

/** Of many conversations judged together the sides are one fact among others. */
function lessSure({ filter, orientation, confidence }: Finding): readonly string[] {
  const shape = shapeOf(filter);
  if (shape === 'group' || shape === 'day') return [];
  return ORDER[orientation.confidence] < ORDER[confidence]
    ? [`Who is the client is less sure (${orientation.confidence}), but matters less here.`]
    : [];
}
