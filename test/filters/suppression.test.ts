import { expect } from 'chai';
import { stringify } from 'yaml';
import {
  applySuppressions,
  conversationSuppressor,
  expiredEntries,
  parseSuppressions,
  type Suppression,
} from '../../filters/suppression.js';
import { addressOf } from '../../pipeline/address.js';
import type { Finding } from '../../pipeline/finding.js';
import { CUSTOMER, fakeFinding, REMOTE } from './fixtures.js';

const WHY = { reason: 'agreed', owner: 'soc' };
const NOW = Date.parse('2026-01-31T12:00:00Z');

function entriesOf(
  ...scopes: readonly Readonly<Record<string, unknown>>[]
): readonly Suppression[] {
  const { entries, problems } = parseSuppressions(
    stringify(scopes.map((scope) => ({ ...WHY, ...scope }))),
  );
  expect(problems).to.deep.equal([]);
  // They travel as JSON.
  return JSON.parse(JSON.stringify(entries)) as Suppression[];
}

const SCOPES: readonly (readonly [
  Readonly<Record<string, unknown>>,
  boolean,
  Partial<Finding>?,
])[] = [
  [{ customer: 'acme' }, true],
  [{ customer: 'globex' }, false],
  [{ filter: 'known-bad-remote' }, true],
  [{ filter: 'anonymizer' }, false],
  [{ subject: CUSTOMER }, true],
  [{ subject: '198.51.100.0/24' }, true],
  [{ subject: '198.51.100.11' }, false],
  [{ subject: '2001:DB8::0:1' }, true, { customerAddress: '2001:db8::1' }],
  [{ remote: REMOTE }, true],
  [{ remote: '203.0.113.8' }, false],
  [{ remote: '203.0.113.0/29' }, true],
  [{ remote: '203.0.113.8/29' }, false],
  [{ remote: `${REMOTE}:443` }, true],
  [{ remote: `${REMOTE}:80` }, false],
  [{ remote: `${REMOTE}:443` }, false, { remotePort: null }],
  [{ remote: '::/0' }, false],
  [{ remote: '2001:db8::/32' }, true, { remoteAddress: '2001:db8::7' }],
  [{ remote: '2001:db8::/32' }, false, { remoteAddress: '2001:db9::' }],
  [{ port: 443 }, true],
  [{ port: 80 }, false],
  [{ port: 443 }, false, { remotePort: null }],
  [{ indicator: REMOTE }, true],
  [{ indicator: '203.0.113.0/24' }, false],
  [{ customer: 'acme', filter: 'known-bad-remote', remote: REMOTE, port: 443 }, true],
  [{ customer: 'acme', filter: 'known-bad-remote', remote: REMOTE, port: 444 }, false],
  [{ customer: 'acme', expires: '2026-02-01' }, true],
  [{ customer: 'acme', expires: '2026-01-31' }, true],
  [{ customer: 'acme', expires: '2026-01-30' }, false],
  [{ customer: 'acme', expires: '2026-01-31T12:00:00.001Z' }, true],
  [{ customer: 'acme', expires: '2026-01-31T12:00:00Z' }, false],
  [{ customer: 'acme', expires: '2026-01-31T13:00+02:00' }, false],
];

describe('applySuppressions', () => {
  for (const [scope, hides, given] of SCOPES) {
    it(`${JSON.stringify(scope)} ${hides ? 'hides' : 'leaves'} ${JSON.stringify(given ?? {})}`, () => {
      const finding = fakeFinding(given);
      const entries = entriesOf(scope);
      const result = applySuppressions(finding, entries, NOW);
      expect(result.finding).to.equal(hides ? undefined : finding);
      expect(result.hiddenBy).to.deep.equal(hides ? [entries[0].id] : []);
      expect(result.reducedBy).to.deep.equal([]);
    });
  }

  it('names every entry that hides', () => {
    const entries = entriesOf(
      { id: 'one', customer: 'acme' },
      { port: 80 },
      { id: 'two', port: 443 },
    );
    expect(applySuppressions(fakeFinding(), entries, NOW).hiddenBy).to.deep.equal(['one', 'two']);
  });

  it('takes what a feed says and leaves the rest, and the indicator', () => {
    const finding = fakeFinding();
    const result = applySuppressions(finding, entriesOf({ id: 'no-a', feed: 'a' }), NOW);
    expect(result.hiddenBy).to.deep.equal([]);
    expect(result.reducedBy).to.deep.equal(['no-a']);
    expect(result.finding).to.deep.equal({ ...finding, evidence: [finding.evidence[1]] });
  });

  it('hides where no feed is left', () => {
    const entries = entriesOf({ id: 'no-a', feed: 'a' }, { id: 'no-b', feed: 'b' }, { feed: 'c' });
    const result = applySuppressions(fakeFinding(), entries, NOW);
    expect(result.finding).to.equal(undefined);
    expect(result.hiddenBy).to.deep.equal(['no-a', 'no-b']);
  });

  it('takes a feed only within the rest of its scope and until it expires', () => {
    const finding = fakeFinding();
    for (const scope of [
      { feed: 'a', customer: 'globex' },
      { feed: 'a', remote: '203.0.113.8' },
      { feed: 'a', expires: '2026-01-01' },
      { feed: 'z' },
    ]) {
      expect(applySuppressions(finding, entriesOf(scope), NOW).finding).to.equal(finding);
    }
  });

  it('hides a ban by tag when no list says the tag any more', () => {
    const entries = entriesOf({ feed: 'a' });
    const listed = {
      type: 'list',
      feed: 'a',
      entry: REMOTE,
      category: 'vendor-x',
      feedVersion: 'v',
    } as const;
    const tagged = fakeFinding({ evidence: [{ type: 'policy', rule: 'tag:vendor-x' }, listed] });
    expect(applySuppressions(tagged, entries, NOW).finding).to.equal(undefined);
    const ported = fakeFinding({ evidence: [{ type: 'policy', rule: 'tcp/443' }, listed] });
    expect(applySuppressions(ported, entries, NOW).finding?.evidence).to.have.length(1);
    const twice = fakeFinding({
      evidence: [{ type: 'policy', rule: 'tag:vendor-x' }, listed, { ...listed, feed: 'b' }],
    });
    expect(applySuppressions(twice, entries, NOW).finding?.evidence).to.have.length(2);
  });

  it('takes countries and services of a feed too', () => {
    const finding = fakeFinding({
      evidence: [
        { type: 'country', country: 'IR', feed: 'geo', feedVersion: 'v1', sharedAddress: false },
      ],
    });
    expect(applySuppressions(finding, entriesOf({ feed: 'geo' }), NOW).finding).to.equal(undefined);
  });
});

describe('expiredEntries', () => {
  it('names those that do nothing any more', () => {
    const entries = entriesOf(
      { id: 'old', port: 1, expires: '2026-01-30' },
      { id: 'new', port: 2, expires: '2026-01-31' },
      { id: 'ever', port: 3 },
    );
    expect(expiredEntries(entries, NOW).map(({ id }) => id)).to.deep.equal(['old']);
    expect(expiredEntries(entries, NOW + 86_400_000).map(({ id }) => id)).to.deep.equal([
      'old',
      'new',
    ]);
  });
});

describe('conversationSuppressor', () => {
  const words = (text: string): Uint32Array => addressOf(text)?.words ?? new Uint32Array(4);

  it('takes the conversations of entries with a remote scope', () => {
    const entries = entriesOf(
      { id: 'net', remote: '203.0.113.0/24', customer: 'acme' },
      { id: 'port', remote: '192.0.2.1:443' },
      { id: 'six', remote: '2001:db8::/32', filter: 'known-bad-remote', port: 80 },
      { id: 'other', remote: '192.0.2.2', filter: 'anonymizer' },
      { id: 'finding', remote: '192.0.2.3', subject: CUSTOMER },
      { id: 'feed', remote: '192.0.2.4', feed: 'a' },
      { id: 'old', remote: '192.0.2.5', expires: '2026-01-01' },
      { id: 'everything', customer: 'acme' },
    );
    const suppressor = conversationSuppressor(entries, NOW, 'known-bad-remote');
    const by4 = (customer: string, remote: string, port: number): string | undefined =>
      suppressor(customer, 4, words(remote), 0, port);
    expect(by4('acme', REMOTE, 1)).to.equal('net');
    expect(by4('globex', REMOTE, 1)).to.equal(undefined);
    expect(by4('globex', '192.0.2.1', 443)).to.equal('port');
    expect(by4('globex', '192.0.2.1', 80)).to.equal(undefined);
    for (const last of [2, 3, 4, 5])
      expect(by4('acme', `192.0.2.${last}`, 443)).to.equal(undefined);
    expect(suppressor('acme', 6, words('2001:db8::1'), 0, 80)).to.equal('six');
    expect(suppressor('acme', 6, words('2001:db8::1'), 0, 81)).to.equal(undefined);
    expect(suppressor('acme', 6, words('2001:db9::1'), 0, 80)).to.equal(undefined);
  });
});

const WRONG = [
  [
    '- { customer: acme, owner: soc }',
    '[0].reason: expected a reason: why the finding is no risk, got nothing',
  ],
  [
    '- { customer: acme, reason: x }',
    '[0].owner: expected an owner: who answers for the exception, got nothing',
  ],
  [
    '- { customer: acme, reason: " ", owner: soc }',
    '[0].reason: expected a reason: why the finding is no risk, got " "',
  ],
  [
    '- { reason: x, owner: soc }',
    '[0]: expected at least one of customer, filter, subject, remote, port, indicator, feed',
  ],
  ['- { id: a, expires: 2026-01-01, reason: x, owner: soc }', '[0]: expected at least one of'],
  [
    '- { costumer: acme, port: 1, reason: x, owner: soc }',
    '[0].costumer: no such key; did you mean "customer"?',
  ],
  [
    '- { port: 1, zzzzzzzzz: 1, reason: x, owner: soc }',
    '[0].zzzzzzzzz: no such key; expected one of id, customer',
  ],
  ['- { port: 0, reason: x, owner: soc }', '[0].port: expected a port 1..65535, got 0'],
  ['- { port: https, reason: x, owner: soc }', '[0].port: expected a port 1..65535, got "https"'],
  [
    '- { remote: evil.example, reason: x, owner: soc }',
    '[0].remote: expected an address, a CIDR prefix or address:port, got "evil.example"',
  ],
  [
    '- { filter: known-bad-remotes, reason: x, owner: soc }',
    '[0].filter: no filter has this name; did you mean "known-bad-remote"?',
  ],
  ['- { filter: zzz, reason: x, owner: soc }', '[0].filter: expected one of anonymizer,'],
  [
    '- { port: 1, expires: soon, reason: x, owner: soc }',
    '[0].expires: expected a date YYYY-MM-DD or a date and time with zone, 2026-01-31T12:00:00Z, got "soon"',
  ],
  ['- { port: 1, expires: 2026-02-31, reason: x, owner: soc }', '[0].expires: expected a date'],
  [
    '- { port: 1, expires: 2026-01-31T25:00:00Z, reason: x, owner: soc }',
    '[0].expires: expected a date',
  ],
  [
    '- { port: 1, expires: 2026-01-31T12:00:00, reason: x, owner: soc }',
    '[0].expires: expected a date',
  ],
  ['- acme', '[0]: expected an entry with a scope, a reason and an owner, got "acme"'],
  ['customer: acme', ': expected a list of entries, got {"customer":"acme"}'],
  ['- { port: 1', ': not YAML: '],
  [
    '- { id: a, port: 1, reason: x, owner: soc }\n- { id: a, port: 2, reason: x, owner: soc }',
    '[1]: same id or scope as [0]: a',
  ],
  [
    '- { port: 1, reason: x, owner: soc }\n- { port: 1, reason: y, owner: soc }',
    '[1]: same id or scope as [0]: suppression-',
  ],
] as const;

describe('parseSuppressions', () => {
  for (const [source, expected] of WRONG) {
    it(source.replace('\n', ' '), () => {
      const { problems } = parseSuppressions(source);
      expect(problems).to.have.length(1);
      expect(`${problems[0].path}: ${problems[0].message}`).to.include(expected);
    });
  }

  it('takes an empty file for no entries', () => {
    for (const source of ['', '# nothing yet\n', '[]', 'null']) {
      expect(parseSuppressions(source)).to.deep.equal({ entries: [], problems: [] });
    }
  });

  it('reports everything wrong together', () => {
    const { problems } = parseSuppressions('- { port: 0, owner: soc }\n- { feed: a }\n');
    expect(problems.map(({ path }) => path)).to.deep.equal([
      '[0].port',
      '[0].reason',
      '[1].reason',
      '[1].owner',
    ]);
  });

  it('gives an entry without id one that neither order nor reason changes', () => {
    const [first] = entriesOf({ remote: REMOTE });
    const [, second] = entriesOf({ port: 1 }, { remote: `${REMOTE}/32`, reason: 'another' });
    expect(first.id).to.match(/^suppression-[0-9a-f]{12}$/);
    expect(second.id).to.equal(first.id);
  });
});
