/**
 * What the category of a tag means: one place that says which categories are
 * threats, anonymizers, honeypots and shared infrastructure. Any other name is a policy tag: nothing
 * fires on it unless a customer bans `tag:NAME`.
 */

/** Threats that known-bad-remote knows, the most telling first; `threat` is for feeds that do not say which. */
export const THREAT_CATEGORIES = [
  'c2',
  'ransomware',
  'botnet',
  'malware',
  'cryptojacking',
  'phishing',
  'threat',
  'attacker',
] as const;
export type ThreatCategory = (typeof THREAT_CATEGORIES)[number];

/** Ways to hide who talks; `anonymizer` is for feeds that do not say which. */
export const ANONYMIZER_CATEGORIES = ['tor', 'vpn', 'proxy', 'anonymizer'] as const;
export type AnonymizerCategory = (typeof ANONYMIZER_CATEGORIES)[number];

export const HONEYPOT_CATEGORIES = ['honeypot'] as const;

/** Ranges that several organisations share: they stop other marks from firing. */
export const SHARED_CATEGORIES = ['shared'] as const;

export type CategoryFamily = 'threat' | 'anonymizer' | 'honeypot' | 'shared' | 'policy';

const FAMILIES: ReadonlyMap<string, CategoryFamily> = new Map<string, CategoryFamily>([
  ...THREAT_CATEGORIES.map((name) => [name, 'threat'] as const),
  ...ANONYMIZER_CATEGORIES.map((name) => [name, 'anonymizer'] as const),
  ...HONEYPOT_CATEGORIES.map((name) => [name, 'honeypot'] as const),
  ...SHARED_CATEGORIES.map((name) => [name, 'shared'] as const),
]);

/** Family of a category; a name that is not well known is a policy tag. */
export function categoryFamily(category: string): CategoryFamily {
  return FAMILIES.get(category) ?? 'policy';
}

/** How a category may be written: letters, digits, `-`, `_` and `.`, at most 64. */
export const CATEGORY_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * Whether a category accuses an address. Entries of such a category on special-purpose space or with
 * too wide a prefix are mistakes and held back; a policy tag may well be about them.
 */
export function accuses(category: string): boolean {
  const family = categoryFamily(category);
  return family === 'threat' || family === 'anonymizer';
}
