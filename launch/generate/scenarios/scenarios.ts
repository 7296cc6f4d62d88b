import type { Scenario } from '../planting.js';
import { anonymizer } from './anonymizer.js';
import { c2Candidate } from './c2-candidate.js';
import { honeypotContact } from './honeypot-contact.js';
import { insecureRemoteService } from './insecure-remote-service.js';
import { insecureServiceOutbound } from './insecure-service-outbound.js';
import { knownBadRemote } from './known-bad-remote.js';
import { learnedShared } from './learned-shared.js';
import { policyViolation } from './policy-violation.js';
import { sanctionedCountry } from './sanctioned-country.js';
import { targetedByThreat } from './targeted-by-threat.js';
import { unpublicizedRemote } from './unpublicized-remote.js';
import { volumeChange } from './volume-change.js';

/** Everything that is planted: the risks of each filter, and beside them the near-misses. */
export const SCENARIOS: readonly Scenario[] = [
  ...sanctionedCountry,
  ...knownBadRemote,
  ...anonymizer,
  ...insecureRemoteService,
  ...policyViolation,
  ...honeypotContact,
  ...unpublicizedRemote,
  ...insecureServiceOutbound,
  ...volumeChange,
  ...targetedByThreat,
  ...c2Candidate,
  ...learnedShared,
];
