import { addressOf } from '../../pipeline/address.js';
import type { DayCounts } from '../../history/history.js';
import { neverRemote, special4, special6 } from '../../reference/special-addresses.js';
import { reference, type DayBatch, type DayRow } from './day-batches.js';

/** What history keeps of a day, counted in the obvious way in maps of text. */
export class PlainDay {
  conversations = 0;
  /** `sensor rate hour`. */
  readonly totals = new Map<string, number>();
  /** By customer: `kind value sensor rate hour`. */
  readonly counts = new Map<string, Map<string, number>>();
  /** By customer. */
  readonly remotes = new Map<string, Set<string>>();
  /** By remote. */
  readonly customersOf = new Map<string, Set<string>>();
  readonly clientsOf = new Map<string, Set<string>>();

  constructor(batches: readonly DayBatch[]) {
    for (const { hour, rows } of batches) {
      for (const row of rows) this.#add(row, hour);
    }
  }

  #add(row: DayRow, hour: number): void {
    const { customer = 'acme', customerAddress = '', remote = '', role, remotePort, grade } = row;
    if (grade !== 'medium' && grade !== 'strong') return;
    this.conversations++;
    const counts = this.counts.get(customer) ?? new Map<string, number>();
    this.counts.set(customer, counts);
    added(this.remotes, customer, remote);
    added(this.customersOf, remote, customer);
    // An address in the history of two customers is two clients.
    if (role === 'client') added(this.clientsOf, remote, `${customer} ${customerAddress}`);
    const seen = (row.seenBy ?? []).filter(([, , packets]) => packets > 0);
    for (const sensor of new Set(seen.map(([name, rate]) => `${name} ${rate}`))) {
      count(this.totals, `${sensor} ${hour}`);
      if (isSpecial(remote)) continue;
      for (const stratum of strataOf(remote, role === 'client' ? remotePort : undefined)) {
        count(counts, `${stratum} ${sensor} ${hour}`);
      }
    }
  }
}

function added(sets: Map<string, Set<string>>, key: string, value: string): void {
  sets.set(key, (sets.get(key) ?? new Set<string>()).add(value));
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function isSpecial(remote: string): boolean {
  const address = addressOf(remote);
  if (address === undefined) return true;
  const [w0, w1, w2, w3] = address.words;
  return neverRemote(address.family === 4 ? special4(w0) : special6(w0, w1, w2, w3));
}

function strataOf(remote: string, clientOfPort: number | undefined): string[] {
  const country = reference.countries.codes[reference.countryId(remote)];
  const strata = country === '' ? [] : [`country ${country}`];
  if (clientOfPort !== undefined) strata.push(`service ${clientOfPort}/tcp`);
  for (const { category } of reference.tags.entries(reference.tagSet(remote))) {
    if (category !== 'shared') strata.push(`category ${category}`);
  }
  const octets = remote.split('.');
  if (octets.length === 4) strata.push(`network ${octets.slice(0, 3).join('.')}.0/24`);
  else strata.push(`network ${remote.split(':').slice(0, 3).join(':')}::/48`.replace(':::', '::'));
  return strata;
}

/** The counts of a file under the same texts. */
export function countsOf(day: DayCounts, customer: string): Map<string, number> {
  const counts = new Map<string, number>();
  const found = day.customer(customer);
  found?.count.forEach((value, i) => {
    const { kind, value: name } = found.strata[found.stratum[i]];
    const { sensor, samplingRate } = day.sensors[found.sensor[i]];
    counts.set(`${kind} ${name} ${sensor} ${samplingRate} ${found.hour[i]}`, value);
  });
  return counts;
}

export function totalsOf(day: DayCounts): Map<string, number> {
  const totals = new Map<string, number>();
  day.totals.forEach((value, slot) => {
    const { sensor, samplingRate } = day.sensors[Math.floor(slot / 24)];
    if (value > 0) totals.set(`${sensor} ${samplingRate} ${slot % 24}`, value);
  });
  return totals;
}
