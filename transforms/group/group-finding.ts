import type { GroupDetection } from '../../filters/group-filter.js';
import type { AnyFilter } from '../../filters/policies.js';
import { addressOf } from '../../pipeline/address.js';
import { REASON_CONFIDENCE, REASON_NAMES, TCP } from '../../pipeline/codes.js';
import { findingId, seriesId, type Finding } from '../../pipeline/finding.js';
import { protocolName } from '../../pipeline/protocols.js';
import type { Reference } from '../../reference/reference.js';

/** Evidence that a finding keeps. */
const MAX_EVIDENCE = 64;
/** Sensors whose names a finding keeps. */
const MAX_SENSORS = 256;

/** The finding of a group: ids, country and sentence added to what the filter says. */
export function groupFinding(
  filter: AnyFilter,
  detection: GroupDetection,
  windowStartMs: number,
  reference: Reference,
): Finding {
  const { customer, subject, remoteAddress, service, indicator, tally } = detection;
  const series = seriesId({
    customer,
    filter: filter.id,
    subject,
    remote: remoteAddress ?? '',
    service,
    indicator,
  });
  const finding: Finding = {
    series,
    id: findingId(series, windowStartMs),
    // A fall to nothing has no record behind it.
    revision: Math.max(1, tally.records),
    status: 'open',
    filter: filter.id,
    severity: detection.severity,
    confidence: detection.confidence,
    summary: '',
    customer,
    subject,
    customerAddress: detection.customerAddress,
    customerPort: detection.customerPort,
    customerRole: detection.role,
    remoteAddress,
    remotePort: detection.remotePort,
    remoteCountry: countryOf(remoteAddress, reference),
    // No other is judged.
    protocol: protocolName(TCP),
    service,
    indicator,
    firstSeen: new Date(tally.firstMs).toISOString(),
    lastSeen: new Date(tally.lastMs).toISOString(),
    windowStart: new Date(windowStartMs).toISOString(),
    conversations: tally.conversations,
    conversationsEstimated: false,
    ...tally.traffic,
    samplingRate: tally.samplingRate,
    sensors: tally.sensors.slice(0, MAX_SENSORS),
    orientation: {
      reason: REASON_NAMES[tally.reason],
      confidence: REASON_CONFIDENCE[tally.reason],
    },
    evidence: detection.evidence.slice(0, MAX_EVIDENCE),
    referenceVersion: reference.version,
  };
  return { ...finding, summary: filter.summarize(finding) };
}

function countryOf(address: string | null, { countries }: Reference): string | null {
  const parsed = address === null ? undefined : addressOf(address);
  if (parsed === undefined) return null;
  const { family, words } = parsed;
  const id =
    family === 4
      ? countries.find4(words[0])
      : countries.find6(words[0], words[1], words[2], words[3]);
  return id === 0 ? null : countries.codes[id];
}
