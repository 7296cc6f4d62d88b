import { categoryFamily } from '../../reference/categories.js';
import type { StratumKind } from '../../history/history.js';
import type { Change } from './changes.js';

/** The most specific first: what a change is named after where several kinds tell it. */
const SPECIFICITY: readonly StratumKind[] = ['network', 'category', 'service', 'country'];

/** Excesses that differ by no more than this are taken for the same conversations. */
const SAME_EXCESS = 0.1;

/** More changes in one direction than this have one cause: an office that opened or closed, a crawler. */
const MAX_APART = 3;

/** What a stratum of another kind must show of a category's change, at the least. */
const WITNESSED_SHARE = 0.5;

/** Changes that one finding tells. */
export interface ToldChange {
  /** The one that it is named after. */
  readonly lead: Change;
  /** Other strata that show the same, the largest excess first. */
  readonly others: readonly Change[];
}

/**
 * Changes as an analyst wants them: each once. A conversation counts in its network, its service, its
 * country and its categories, so that one change shows up to four times and more.
 *
 * Counts do not say which conversations two strata share. Two strata of different kinds that changed
 * by the same number of conversations (within 10 %, and what chance adds) are taken to tell the same
 * change; the most specific gives the name. And more than three changes in one direction are told as
 * one, under that with the largest excess. But a rise towards a threat is always told by itself.
 *
 * A category is told only where its traffic changed, not its list: an address that is listed today
 * makes its category rise from none, though all talk to it as ever. So a stratum of another kind (a
 * network, a service, a country) must have changed in the same direction, by at least half as many
 * conversations. What that costs: a rise that is spread over many networks, within services and
 * countries of much else, is not told; `known-bad-remote` names its remotes all the same.
 *
 * Limits: two changes of the same size by chance share a finding, and one that is a third of another
 * kind's change is told twice. Either way nothing is lost: all strata are in the evidence.
 */
export function toldOnce(changes: readonly Change[]): ToldChange[] {
  return (['rise', 'fall'] as const).flatMap((direction) => {
    const groups = sameExcess(witnessed(changes.filter(({ change }) => change === direction)));
    const threats = groups.filter(isThreat);
    const others = groups.filter((group) => !isThreat(group));
    return [...threats, ...(others.length > MAX_APART ? [asOne(others)] : others)];
  });
}

/** Whether a stratum, by its name (`category:c2`), is what a threat list names. */
export function namesThreat(name: string): boolean {
  const [kind, value] = name.split(':', 2);
  return kind === 'category' && categoryFamily(value) === 'threat';
}

/** All but categories that nothing else speaks for. */
function witnessed(changes: readonly Change[]): readonly Change[] {
  const most = Math.max(
    0,
    ...changes.filter(({ stratum }) => stratum.kind !== 'category').map(excess),
  );
  return changes.filter(
    (change) => change.stratum.kind !== 'category' || most >= WITNESSED_SHARE * excess(change),
  );
}

function isThreat({ lead, others }: ToldChange): boolean {
  return [lead, ...others].some(({ change, name }) => change === 'rise' && namesThreat(name));
}

function sameExcess(changes: readonly Change[]): ToldChange[] {
  const groups: { readonly lead: Change; readonly others: Change[] }[] = [];
  for (const change of [...changes].sort(bySpecificity)) {
    const same = groups
      .filter(({ lead, others }) =>
        // Two of a kind are never the same conversations (categories may be, but they differ in what they mean).
        [lead, ...others].every(({ stratum }) => stratum.kind !== change.stratum.kind),
      )
      .filter(({ lead }) => Math.abs(excess(lead) - excess(change)) <= tolerance(lead, change))
      .sort((a, b) => distance(a.lead, change) - distance(b.lead, change))
      .at(0);
    if (same === undefined) groups.push({ lead: change, others: [] });
    else same.others.push(change);
  }
  return groups.map(({ lead, others }) => ({ lead, others: others.sort(byExcess) }));
}

function asOne(groups: readonly ToldChange[]): ToldChange {
  const [lead, ...others] = groups.flatMap(({ lead, others }) => [lead, ...others]).sort(byExcess);
  return { lead, others };
}

function excess({ count, expected }: Change): number {
  return Math.abs(count - expected);
}

/** Two standard deviations of what both expected, besides the tenth. */
function tolerance(a: Change, b: Change): number {
  const chance = 2 * Math.sqrt(a.expected * a.dispersion + b.expected * b.dispersion);
  const larger = Math.max(excess(a), excess(b));
  // Chance alone must not make everything the same.
  return Math.max(SAME_EXCESS * larger, Math.min(chance, larger / 4));
}

function distance(a: Change, b: Change): number {
  return Math.abs(excess(a) - excess(b));
}

function bySpecificity(a: Change, b: Change): number {
  const kind = SPECIFICITY.indexOf(a.stratum.kind) - SPECIFICITY.indexOf(b.stratum.kind);
  return kind === 0 ? byExcess(a, b) : kind;
}

function byExcess(a: Change, b: Change): number {
  const difference = excess(b) - excess(a);
  return difference === 0 ? (a.name < b.name ? -1 : 1) : difference;
}
