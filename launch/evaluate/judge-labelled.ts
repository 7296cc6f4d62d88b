import { addressOf } from '../../pipeline/address.js';
import type { CustomerTable } from '../../reference/reference.js';
import { pairKey, type LabelledLog } from './labelled-zeek.js';
import { proportion, type Proportion } from './measure.js';
import type { JudgedFinding } from './read-findings.js';

/** Findings of one filter beside the labels of a log. */
export interface LabelledFilter {
  readonly filter: string;
  readonly findings: number;
  /** About what a label calls malicious in the finding's window. */
  readonly true: number;
  readonly false: number;
  /** About a customer as a whole: labels of connections say nothing of them. */
  readonly unjudged: number;
  readonly precision: Proportion | undefined;
}

/** What the findings name of one kind of malice. */
export interface LabelledDetail {
  /** As the labels call it: `C&C-Torii`. */
  readonly detail: string;
  /** Pairs of a customer's address and a remote's. */
  readonly labelled: number;
  /** Those that a finding names. */
  readonly found: number;
  readonly recall: Proportion | undefined;
  /** Customers' addresses, and those that any finding of the window is about. */
  readonly hosts: number;
  readonly hostsFound: number;
  /** Pairs that findings of each filter name; sorted. */
  readonly byFilter: readonly { readonly filter: string; readonly found: number }[];
}

export interface LabelledMeasure {
  /** Sorted. */
  readonly filters: readonly LabelledFilter[];
  /** Sorted. */
  readonly details: readonly LabelledDetail[];
  readonly false: readonly JudgedFinding[];
  /** Malicious pairs that no finding can name: neither end is a customer's, or both are. */
  readonly outside: number;
}

/**
 * Judges findings by a labelled log. A finding about a customer's address and a remote is true if
 * that pair is labelled malicious in the finding's window; one that names only one of both, if that
 * address took part in something malicious then. `windowMs` is the finding window that the log was
 * read with.
 */
export function judgeLabelled(
  { pairs, addresses }: Pick<LabelledLog, 'pairs' | 'addresses'>,
  findings: Iterable<JudgedFinding>,
  customers: CustomerTable,
  windowMs: number,
): LabelledMeasure {
  const told = new Told();
  const counts = new Map<string, { true: number; false: number; unjudged: number }>();
  const wrong: JudgedFinding[] = [];
  for (const finding of findings) {
    const window = Math.floor(Date.parse(finding.windowStart) / windowMs);
    const { filter, customerAddress, remoteAddress } = finding;
    const count = counts.get(filter) ?? { true: 0, false: 0, unjudged: 0 };
    counts.set(filter, count);
    told.add(finding, window);
    const one = customerAddress ?? remoteAddress;
    if (one === null) {
      count.unjudged++;
      continue;
    }
    const malicious =
      customerAddress !== null && remoteAddress !== null
        ? hasWindow(pairs.get(pairKey(customerAddress, remoteAddress))?.details.values(), window)
        : (addresses.get(one)?.has(window) ?? false);
    if (malicious) count.true++;
    else {
      count.false++;
      wrong.push(finding);
    }
  }

  const details = new Map<string, DetailCount>();
  let outside = 0;
  for (const { ends, details: kinds } of pairs.values()) {
    const owned = ends.map((end) => isOwned(customers, end));
    if (owned[0] === owned[1]) {
      outside++;
      continue;
    }
    const [host, remote] = owned[0] ? ends : [ends[1], ends[0]];
    for (const [detail, windows] of kinds) {
      const count = details.get(detail) ?? new DetailCount();
      details.set(detail, count);
      count.add(host, told.naming(host, remote, windows), told.isAbout(host, windows));
    }
  }

  return {
    filters: [...counts].sort(byName).map(([filter, count]) => ({
      filter,
      findings: count.true + count.false + count.unjudged,
      ...count,
      precision: proportion(count.true, count.true + count.false),
    })),
    details: [...details].sort(byName).map(([detail, count]) => count.result(detail)),
    false: wrong,
    outside,
  };
}

/** What findings are about, for look-up. */
class Told {
  /** Filters by window, customer's address ('' = several) and remote. */
  readonly #pairs = new Map<string, Set<string>>();
  readonly #hosts = new Set<string>();

  add({ filter, customerAddress, remoteAddress }: JudgedFinding, window: number): void {
    if (customerAddress !== null) this.#hosts.add(JSON.stringify([window, customerAddress]));
    if (remoteAddress === null) return;
    const key = JSON.stringify([window, customerAddress, remoteAddress]);
    const filters = this.#pairs.get(key);
    if (filters === undefined) this.#pairs.set(key, new Set([filter]));
    else filters.add(filter);
  }

  /** Filters that name the remote to this address, or to its customer, in one of the windows. */
  naming(host: string, remote: string, windows: Iterable<number>): ReadonlySet<string> {
    const filters = new Set<string>();
    for (const window of windows) {
      for (const about of [host, null]) {
        const found = this.#pairs.get(JSON.stringify([window, about, remote]));
        for (const filter of found ?? []) filters.add(filter);
      }
    }
    return filters;
  }

  isAbout(host: string, windows: Iterable<number>): boolean {
    for (const window of windows) {
      if (this.#hosts.has(JSON.stringify([window, host]))) return true;
    }
    return false;
  }
}

/** Pairs and hosts of one kind of malice. */
class DetailCount {
  #labelled = 0;
  #found = 0;
  readonly #hosts = new Map<string, boolean>();
  readonly #byFilter = new Map<string, number>();

  add(host: string, filters: ReadonlySet<string>, hostTold: boolean): void {
    this.#labelled++;
    if (filters.size > 0) this.#found++;
    for (const filter of filters) this.#byFilter.set(filter, (this.#byFilter.get(filter) ?? 0) + 1);
    this.#hosts.set(host, hostTold || this.#hosts.get(host) === true);
  }

  result(detail: string): LabelledDetail {
    return {
      detail,
      labelled: this.#labelled,
      found: this.#found,
      recall: proportion(this.#found, this.#labelled),
      hosts: this.#hosts.size,
      hostsFound: [...this.#hosts.values()].filter((told) => told).length,
      byFilter: [...this.#byFilter].sort(byName).map(([filter, found]) => ({ filter, found })),
    };
  }
}

function hasWindow(sets: Iterable<ReadonlySet<number>> | undefined, window: number): boolean {
  for (const set of sets ?? []) if (set.has(window)) return true;
  return false;
}

function isOwned(customers: CustomerTable, text: string): boolean {
  const address = addressOf(text);
  if (address === undefined) return false;
  const { family, words } = address;
  const claim =
    family === 4
      ? customers.find4(words[0])
      : customers.find6(words[0], words[1], words[2], words[3]);
  return claim !== 0;
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : Number(a > b);
}
