import { expect } from 'chai';
import { renderNullDays, runNullDays, type NullDays } from '../../launch/evaluate/null-days.js';
import { nullNetwork } from '../../launch/evaluate/null-network.js';
import { binomialUpperTail } from '../../statistics/binomial.js';

const CUSTOMER_DAYS = 1000;

describe('volume-change on days without a change', function () {
  // Some 100 networks of 20 customers are generated and judged.
  this.timeout(600_000);
  let result: NullDays;

  before(() => {
    result = runNullDays({ seed: 20250305, customerDays: CUSTOMER_DAYS, plantedDays: 20 });
  });

  it('errs on no more of 1,000 customer-days than it states (exact one-sided test at 99 %)', () => {
    const { customerDays, withFindings, statedRate, pValue, bound } = result;
    expect(customerDays).to.equal(CUSTOMER_DAYS);
    expect(statedRate).to.equal(0.01);
    expect(pValue).to.equal(binomialUpperTail(withFindings, CUSTOMER_DAYS, 0.01));
    expect(pValue, `${withFindings} customer-days with a false finding`).to.be.at.least(0.01);
    expect(withFindings).to.be.at.most(bound);
  });

  it('knows the bound: 18 of 1,000 at 1 %', () => {
    expect(result.bound).to.equal(18);
  });

  it('finds rises to ten times of 50 conversations and more', () => {
    for (const { expected, factor, planted, found } of result.power) {
      if (factor !== 10 || expected < 50) continue;
      expect(found / planted, `of ${expected}`).to.be.above(0.9);
    }
  });

  it('finds most falls to a tenth of 500 conversations', () => {
    const [fall] = result.power.filter((p) => p.expected === 500 && p.factor === 0.1);
    expect(fall.found / fall.planted).to.be.above(0.75);
  });

  for (const [disturbance, kind] of [
    ['hours lost', 'sensor-gap'],
    ['stopped', 'sensor-stopped'],
    ['rate changed', 'sensor-rate-changed'],
    ['started', 'sensor-started'],
  ] as const) {
    it(`gives a notice of each sensor that is ${disturbance}`, () => {
      const at = result.byDisturbance.find((entry) => entry.disturbance === disturbance);
      expect(at?.notices).to.deep.equal(new Map([[kind, at?.networks]]));
    });
  }

  it('errs where sensors or neighbours misbehave no more than elsewhere', () => {
    for (const { disturbance, customerDays, withFindings } of result.byDisturbance) {
      const pValue = binomialUpperTail(withFindings, customerDays, 0.01);
      // Eleven looks at 99 % each.
      expect(pValue, `${disturbance}: ${withFindings} of ${customerDays}`).to.be.above(0.001);
    }
  });

  it('is printed with rate, bound and power', () => {
    const text = renderNullDays(result, { framed: false });
    expect(text).to.match(/^volume-change on days without a change: \d+ of 1000 customer-days/);
    expect(text).to.contain('not significantly above the stated 1.0 % (up to 18 would do');
    expect(text).to.match(/^conversations +x 10 +x 3 +x 1\/3 +x 1\/10$/m);
    expect(text).to.match(/^ +500 +100\.0 %/m);
  });

  it('is measured on days with long sessions, short ones, and more than can be told', () => {
    const { day, customers } = nullNetwork({ seed: 5, customers: 20, disturbance: 'none' });
    const shares: number[] = [];
    for (const customer of customers) {
      const counts = day.customer(customer);
      if (counts === undefined) continue;
      const windows = new Map<string, { of: number; told: number }>();
      counts.count.forEach((count, i) => {
        const key = `${counts.stratum[i]} ${counts.sensor[i]}`;
        const known = windows.get(key);
        if (known === undefined) windows.set(key, { of: count, told: counts.conversations[i] });
        else known.of += count;
      });
      for (const { of, told } of windows.values()) shares.push(told / of);
    }
    expect(shares.filter((share) => share < 0.2).length / shares.length).to.be.above(0.05);
    expect(shares.filter((share) => share > 0.9).length / shares.length).to.be.above(0.3);
    expect(shares.filter((share) => Number.isNaN(share)).length).to.be.above(0);
  });

  it('is the same for the same seed', () => {
    const small = { seed: 3, customerDays: 40, plantedDays: 0 };
    expect(runNullDays(small)).to.deep.equal(runNullDays(small));
  });
});
