/**
 * What was planted in a generated network: one line of `labels.ndjson`.
 *
 * All filters have the same fields; whatever identifies their findings beyond them goes into
 * `indicator`.
 */
export interface Label {
  /**
   * `finding`: must be found. `suppressed`: would be found, but an entry of suppressions.yaml hides
   * it. `nothing`: a near-miss that resembles the risk and must not fire.
   */
  readonly expect: 'finding' | 'suppressed' | 'nothing';
  /** What was done, kebab-case: `ip-port-on-another-port`. */
  readonly scenario: string;
  readonly filter: string;
  readonly customer: string;
  /** null where the finding is about several. */
  readonly customerAddress: string | null;
  readonly remoteAddress: string | null;
  /** Server port and protocol: `443/tcp`; `-` where the finding is about several. */
  readonly service: string;
  /** As in the finding; '' for a near-miss. */
  readonly indicator: string;
  /** As in the finding, `country:AR`; absent = whichever: the other fields say what it is about. */
  readonly subject?: string;
  /**
   * Name of a group of labels that tell one thing in several ways: at least one must be found, and
   * none of the others is false.
   */
  readonly oneOf?: string;
  /** UTC day, `2025-03-03`. */
  readonly day: string;
}

/** What makes labels the same. */
export type LabelKey = Pick<
  Label,
  | 'filter'
  | 'customer'
  | 'customerAddress'
  | 'remoteAddress'
  | 'service'
  | 'indicator'
  | 'subject'
  | 'day'
>;

/** The key as one text, for maps. */
export function labelKey(key: LabelKey): string {
  const { filter, customer, customerAddress, remoteAddress, service, indicator, subject, day } =
    key;
  return JSON.stringify([
    filter,
    customer,
    customerAddress,
    remoteAddress,
    service,
    indicator,
    subject ?? null,
    day,
  ]);
}
