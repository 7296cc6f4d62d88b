import { volumeChange } from '../../filters/volume-change.js';
import { binomialUpperTail, clopperPearson } from '../../statistics/binomial.js';
import { renderTable } from '../text-table.js';
import { DISTURBANCES, nullNetwork, type Disturbance } from './null-network.js';

/** Customers of one generated network. */
const CUSTOMERS = 20;

/** Conversations of an ordinary day at which power is measured. */
const EXPECTED = [5, 10, 20, 50, 100, 500] as const;
const FACTORS = [10, 3, 1 / 3, 1 / 10] as const;

/** The measured rate is too high where chance would give it less often than this. */
const SIGNIFICANCE = 0.01;

/** What the filter says of days on which nothing changed, and of changes that were planted. */
export interface NullDays {
  readonly customerDays: number;
  /** Customer-days with any finding: all of them false. */
  readonly withFindings: number;
  readonly findings: number;
  /** The filter's false discovery rate: without any change, the share of customer-days with a finding. */
  readonly statedRate: number;
  /** Of so many or more at the stated rate (exact, one-sided). */
  readonly pValue: number;
  /** The most that is not significantly (99 %) above the stated rate. */
  readonly bound: number;
  readonly byDisturbance: readonly DisturbedDays[];
  readonly power: readonly PowerAt[];
}

export interface DisturbedDays {
  readonly disturbance: Disturbance;
  readonly customerDays: number;
  readonly withFindings: number;
  /** Of the sensors, by kind: in how many of the networks. */
  readonly notices: ReadonlyMap<string, number>;
  readonly networks: number;
}

export interface PowerAt {
  /** Conversations of an ordinary day. */
  readonly expected: number;
  /** 10 = a rise to ten times as many, 0.1 = a fall to a tenth. */
  readonly factor: number;
  readonly planted: number;
  readonly found: number;
}

export interface NullDaysOptions {
  readonly seed: number;
  /** At least so many; whole networks are generated. */
  readonly customerDays: number;
  /** Of each count and factor. */
  readonly plantedDays: number;
}

/** Generates and judges the days, at the filter's default policy. The same seed gives the same. */
export function runNullDays({ seed, customerDays, plantedDays }: NullDaysOptions): NullDays {
  const limits = volumeChange.policy.parse({});
  const statedRate = limits.falseDiscoveryRate;
  const disturbed = DISTURBANCES.map((disturbance) => ({
    disturbance,
    customerDays: 0,
    withFindings: 0,
    notices: new Map<string, number>(),
    networks: 0,
  }));
  let days = 0;
  let withFindings = 0;
  let findings = 0;
  for (let n = 0; days < customerDays; n++) {
    const at = disturbed[n % disturbed.length];
    const network = nullNetwork({
      seed: seed * 100_003 + n,
      customers: CUSTOMERS,
      disturbance: at.disturbance,
    });
    at.networks++;
    const kinds = [...volumeChange.notices(network.day, network.history)].map(({ kind }) => kind);
    for (const kind of new Set(kinds)) at.notices.set(kind, (at.notices.get(kind) ?? 0) + 1);
    for (const customer of network.customers.slice(0, customerDays - days)) {
      const found = [...volumeChange.detect(customer, network.day, network.history, limits)].length;
      days++;
      at.customerDays++;
      findings += found;
      if (found > 0) {
        withFindings++;
        at.withFindings++;
      }
    }
  }
  return {
    customerDays: days,
    withFindings,
    findings,
    statedRate,
    pValue: binomialUpperTail(withFindings, days, statedRate),
    bound: boundOf(days, statedRate),
    byDisturbance: disturbed,
    power: measurePower(seed, plantedDays),
  };
}

/** As plain JSON. */
export function nullDaysJson(result: NullDays): object {
  const byDisturbance = result.byDisturbance.map((at) => ({
    ...at,
    notices: Object.fromEntries([...at.notices].sort(([a], [b]) => (a < b ? -1 : 1))),
  }));
  return { ...result, byDisturbance };
}

/** As text tables; `framed` where they go to a terminal. */
export function renderNullDays(result: NullDays, options: { readonly framed: boolean }): string {
  const { customerDays, withFindings, findings, statedRate, pValue, bound } = result;
  const { low, high } = clopperPearson(withFindings, customerDays, 0.95);
  const verdict = withFindings <= bound ? 'not significantly above' : 'SIGNIFICANTLY ABOVE';
  const disturbed = result.byDisturbance
    .filter((entry) => entry.customerDays > 0)
    .map((entry) => [
      entry.disturbance,
      String(entry.customerDays),
      String(entry.withFindings),
      [...entry.notices]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([kind, networks]) => `${kind} ${networks}/${entry.networks}`)
        .join(', '),
    ]);
  const power = EXPECTED.map((expected) => [
    String(expected),
    ...FACTORS.map((factor) => {
      const at = result.power.find((p) => p.expected === expected && p.factor === factor);
      return at === undefined || at.planted === 0 ? '' : percent(at.found / at.planted);
    }),
  ]);
  return [
    `volume-change on days without a change: ${withFindings} of ${customerDays} customer-days with a false finding ` +
      `(${percent(withFindings / customerDays)}, 95 % interval ${percent(low)} to ${percent(high)}; ${findings} findings), ` +
      `${verdict} the stated ${percent(statedRate)} (up to ${bound} would do; one-sided p = ${pValue.toPrecision(2)})`,
    '',
    renderTable(
      [['disturbance', 'customer-days', 'with findings', 'notices, of networks'], ...disturbed],
      ['left', 'right', 'right', 'left'],
      options,
    ),
    '',
    `planted changes that were found, by conversations of an ordinary day`,
    '',
    renderTable(
      [['conversations', ...FACTORS.map(named)], ...power],
      ['right', ...FACTORS.map(() => 'right' as const)],
      options,
    ),
  ].join('\n');
}

/** The largest count whose upper tail is not below the significance. */
function boundOf(days: number, rate: number): number {
  let bound = 0;
  while (bound < days && binomialUpperTail(bound + 1, days, rate) >= SIGNIFICANCE) bound++;
  return bound;
}

/**
 * Each customer of a network has a change of another count and factor, so that together they hardly
 * move what the sensor sees: a change of everybody at once is none.
 */
function measurePower(seed: number, plantedDays: number): PowerAt[] {
  const limits = volumeChange.policy.parse({});
  const cells = EXPECTED.flatMap((expected) =>
    FACTORS.map((factor) => ({ expected, factor, planted: 0, found: 0 })),
  );
  const days = cells.length * plantedDays;
  for (let at = 0; at < days; at += CUSTOMERS) {
    const planted = Array.from({ length: CUSTOMERS }, (_, c) => cells[(at + c) % cells.length]);
    const { day, history, customers, plantedNetwork } = nullNetwork({
      seed: seed * 100_003 + 50_000 + at,
      customers: CUSTOMERS,
      disturbance: 'none',
      plants: planted,
    });
    customers.slice(0, days - at).forEach((customer, c) => {
      const cell = planted[c];
      const change = cell.factor > 1 ? 'rise' : 'fall';
      const findings = [...volumeChange.detect(customer, day, history, limits)];
      const told = findings.some(({ evidence }) =>
        evidence.some(
          (e) => e.type === 'volume' && e.stratum === plantedNetwork && e.change === change,
        ),
      );
      cell.planted++;
      if (told) cell.found++;
    });
  }
  return cells;
}

function named(factor: number): string {
  return factor > 1 ? `x ${factor}` : `x 1/${Math.round(1 / factor)}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
