import { expect } from 'chai';
import { parse } from 'yaml';
import { FILTERS, filterById } from '../../filters/filters.js';
import { planFilters, preparePolicies, type FilterPlan } from '../../filters/policies.js';
import { fakeReference } from './fixtures.js';

describe('filters', () => {
  for (const filter of FILTERS) {
    it(`${filter.id}: the default is valid, complete, plain JSON and described`, () => {
      const policy = filter.policy.parse({});
      expect(JSON.parse(JSON.stringify(policy))).to.deep.equal(policy);
      expect(filter.policy.parse(policy)).to.deep.equal(policy);
      expect(filter.describe(policy)).to.match(/^[A-Z].*\.$/);
    });
  }

  it('are found by id', () => {
    for (const filter of FILTERS) expect(filterById(filter.id)).to.equal(filter);
    expect(() => filterById('known-bad')).to.throw('no filter is called "known-bad"');
  });

  it('describe the policy in force', () => {
    const filter = filterById('policy-violation');
    const policy = filter.policy.parse({ banned: ['tcp/6881-6889', 'tag:vendor-x'] });
    expect(filter.describe(policy)).to.equal(
      'Conversations that break a ban: tcp/6881-6889, tag:vendor-x.',
    );
    expect(filter.describe(filter.policy.parse({}))).to.equal('Nothing: no rule is banned.');
  });
});

function planOf(filters: string, policies = ''): readonly FilterPlan[] {
  const { plan, problems } = planFilters(parse(filters), parse(policies));
  expect(problems).to.deep.equal([]);
  return plan;
}

function planFor(id: string, filters: string, policies = ''): FilterPlan | undefined {
  return planOf(filters, policies).find((plan) => plan.id === id);
}

describe('planFilters', () => {
  it('runs every filter with its defaults where nothing is said', () => {
    const plan = planOf('');
    expect(plan.map(({ id }) => id)).to.deep.equal(FILTERS.map(({ id }) => id));
    for (const { id, byDefault, customers } of plan) {
      expect(byDefault).to.deep.equal(filterById(id).policy.parse({}));
      expect(customers).to.deep.equal({});
    }
  });

  it('leaves out a filter that runs for nobody', () => {
    expect(planFor('anonymizer', 'anonymizer: { enabled: false }')).to.equal(undefined);
    expect(
      planFor(
        'anonymizer',
        'anonymizer: { enabled: false }',
        'acme: { anonymizer: { enabled: false } }',
      ),
    ).to.equal(undefined);
  });

  it('enables a filter for the customer that names it', () => {
    const plan = planFor(
      'policy-violation',
      'policy-violation: { enabled: false, severity: high, banned: [tcp/23] }',
      'acme: { policy-violation: { banned: ["tag:vendor-x", "tcp/6881-6889", "203.0.113.0/24"] } }',
    );
    expect(plan?.byDefault).to.equal(null);
    expect(plan?.customers).to.deep.equal({
      acme: { severity: 'high', banned: ['tag:vendor-x', 'tcp/6881-6889', '203.0.113.0/24'] },
    });
  });

  it('merges key by key and lets a customer switch a filter off', () => {
    const plan = planFor(
      'sanctioned-country',
      'sanctioned-country: { countries: [ir, KP, CU], asOf: "2026-01-01" }',
      `acme: { sanctioned-country: { countries: [KP] } }
globex: { sanctioned-country: { enabled: false } }
initech: { sanctioned-country: }`,
    );
    const base = { countries: ['IR', 'KP', 'CU'], watch: [], asOf: '2026-01-01' };
    expect(plan).to.deep.equal({
      id: 'sanctioned-country',
      byDefault: base,
      customers: { acme: { ...base, countries: ['KP'] }, globex: null, initech: base },
    });
    expect(JSON.parse(JSON.stringify(plan))).to.deep.equal(plan);
  });

  it('names the customers for a check against their table', () => {
    expect(planFilters({}, { acme: {}, globex: null }).customers).to.deep.equal(['acme', 'globex']);
  });

  const WRONG = [
    ['known-bad: {}', '', 'filters.known-bad: no filter has this name; expected one of'],
    [
      'known-bad-remotes: {}',
      '',
      'filters.known-bad-remotes: no filter has this name; did you mean "known-bad-remote"?',
    ],
    ['[known-bad-remote]', '', 'filters: expected a mapping of filters, got ["known-bad-remote"]'],
    [
      'anonymizer: false',
      '',
      'filters.anonymizer: expected a mapping of settings, got false (to switch it: enabled: false)',
    ],
    [
      'anonymizer: { enabled: maybe }',
      '',
      'filters.anonymizer.enabled: expected true or false, got "maybe"',
    ],
    [
      'anonymizer: { category: [tor] }',
      '',
      'filters.anonymizer.category: no setting of anonymizer has this name; did you mean "categories"?',
    ],
    [
      'honeypot-contact: { zzz: 1 }',
      '',
      'filters.honeypot-contact.zzz: no setting of honeypot-contact has this name; expected one of enabled, minReason',
    ],
    [
      'honeypot-contact: { minReason: lower-port }',
      '',
      'filters.honeypot-contact.minReason: expected one of known-service, inventory, handshake, initiator, got "lower-port"',
    ],
    [
      'anonymizer: { categories: [tor, c2] }',
      '',
      'filters.anonymizer.categories[1]: expected one of tor, vpn, proxy, anonymizer, got "c2"',
    ],
    [
      'anonymizer: { inboundServices: [udp/53] }',
      '',
      'filters.anonymizer.inboundServices[0]: expected tcp/PORT or tcp/LOW-HIGH with ports 1..65535, got "udp/53"',
    ],
    [
      'sanctioned-country: { countries: IR }',
      '',
      'filters.sanctioned-country.countries: expected a list of country codes, got "IR"',
    ],
    [
      'sanctioned-country: { countries: [IRN] }',
      '',
      'filters.sanctioned-country.countries[0]: expected a country code of two letters, got "IRN"',
    ],
    [
      'sanctioned-country: { asOf: 2026 }',
      '',
      'filters.sanctioned-country.asOf: expected a date YYYY-MM-DD, got 2026',
    ],
    [
      'insecure-remote-service: { tags: [""] }',
      '',
      'filters.insecure-remote-service.tags[0]: expected the name of an inventory tag, got ""',
    ],
    [
      'policy-violation: { severity: bad }',
      '',
      'filters.policy-violation.severity: expected one of low, medium, high, critical, got "bad"',
    ],
    [
      '',
      'acme: { policy-violation: { banned: [tcp/0] } }',
      'policies.acme.policy-violation.banned[0]: expected tag:NAME, tcp/PORT',
    ],
    ['', 'acme: { policy-violation: { banned: [tcp/9-8] } }', 'got "tcp/9-8"'],
    ['', 'acme: { policy-violation: { banned: [6881] } }', 'got 6881'],
    ['', 'acme: { policy-violation: { banned: ["203.0.113.0/33"] } }', 'got "203.0.113.0/33"'],
    ['', 'acme: { policy-violation: { banned: ["country:IR"] } }', 'got "country:IR"'],
    [
      '',
      'acme: { policy-violations: { } }',
      'policies.acme.policy-violations: no filter has this name; did you mean "policy-violation"?',
    ],
    ['', 'acme: [anonymizer]', 'policies.acme: expected a mapping of filters, got ["anonymizer"]'],
    ['', '- acme', 'policies: expected a mapping of customers, got ["acme"]'],
    [
      '',
      'acme: { anonymizer: { enabled: false, categories: [c2] } }',
      'policies.acme.anonymizer.categories[0]: expected one of',
    ],
  ] as const;

  for (const [filters, policies, expected] of WRONG) {
    it(filters || policies, () => {
      const { problems } = planFilters(parse(filters), parse(policies));
      expect(problems).to.have.length(1);
      expect(`${problems[0].path}: ${problems[0].message}`).to.include(expected);
    });
  }

  it('reports everything wrong together, and the default once', () => {
    const { problems } = planFilters(
      parse('{ nonsense: {}, policy-violation: { banned: [x, y], z: 1 } }'),
      parse('acme: { policy-violation: { banned: [tcp/22] } }'),
    );
    expect(problems.map(({ path }) => path)).to.deep.equal([
      'filters.nonsense',
      'filters.policy-violation.banned[0]',
      'filters.policy-violation.banned[1]',
      'filters.policy-violation.z',
    ]);
  });

  it('stands what only hostile files hold', () => {
    const loop: unknown[] = [];
    loop.push(loop);
    const { problems } = planFilters({ anonymizer: { categories: [loop] } }, { acme: loop });
    expect(problems.map(({ message }) => message)).to.deep.equal([
      'expected a mapping of filters, got a value that holds itself',
      'expected one of tor, vpn, proxy, anonymizer, got a value that holds itself',
    ]);
    const proto = planFilters({}, JSON.parse('{"__proto__":{"anonymizer":{"enabled":false}}}'));
    const plan = proto.plan.find(({ id }) => id === 'anonymizer');
    expect(Object.hasOwn(plan?.customers ?? {}, '__proto__')).to.equal(true);
    expect(planFilters({ [`x${'y'.repeat(1e5)}`]: {} }, {}).problems[0].message).to.include(
      'no filter',
    );
  });
});

describe('preparePolicies', () => {
  it('prepares each distinct policy once, when asked for', () => {
    let prepared = 0;
    const filter = {
      ...filterById('anonymizer'),
      prepare: () => {
        prepared++;
        return { number: prepared };
      },
    };
    const plan = planFor(
      'anonymizer',
      '',
      'acme: { anonymizer: { categories: [tor] } }\nglobex: { anonymizer: { categories: [tor] } }\ninitech: { anonymizer: { enabled: false } }',
    );
    if (plan === undefined) throw new Error('no plan');
    const policies = preparePolicies(filter, plan, fakeReference());
    expect(prepared).to.equal(0);
    expect(policies.forCustomer('acme')?.prepared).to.deep.equal({ number: 1 });
    expect(policies.forCustomer('globex')).to.equal(policies.forCustomer('acme'));
    expect(policies.forCustomer('other')?.prepared).to.deep.equal({ number: 2 });
    // A name that every object has is no customer of the plan.
    expect(policies.forCustomer('constructor')).to.equal(policies.forCustomer('other'));
    expect(policies.forCustomer('initech')).to.equal(undefined);
    expect(prepared).to.equal(2);
  });
});
