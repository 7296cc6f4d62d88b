import { resolve } from 'node:path';
import { expect } from 'chai';
import { sharedData } from '../shared-data.js';
import { JobDirectory, type Output } from './job-directory.js';

/** Three days of a rented public server, monitored by Zeek: 105,918 closed connections and 72 open ones. */
const RECORDS = 105_918 + 72;
const SERVER = '64.225.56.201';

/**
 * Shared addresses that maltrail lists: Microsoft's search front at two ports, and GitHub's content
 * front, there in a URL (which is no address entry), so that a list with the bare address is added.
 */
const SHARED = [
  ['204.79.197.200', 443],
  ['204.79.197.200', 8443],
  ['185.199.110.133', 443],
  ['185.199.110.133', 80],
] as const;
/** An address that maltrail lists and nobody shares: what must fire beside them. */
const LISTED = ['23.224.53.50', 443] as const;

/**
 * Hosts in Iran that guess passwords: each 24 to 30 connections to the server's port 22 with 1,250
 * bytes in and 1,694 out. True by the list in force; the customer is the server, so of medium
 * severity. What must stay silent beside them: 3 more addresses in Iran from which only answers to
 * somebody else's SYNs came (backscatter: 87.107.55.161, 87.248.155.62, 188.34.160.114), guessing
 * hosts on ipsum (they come to us), and 1,010 half-open scans, which Zeek calls RSTO and S1.
 */
const FIRED = [
  'sanctioned-country server 193.151.158.198 22/tcp 24',
  'sanctioned-country server 194.9.80.147 22/tcp 30',
  'sanctioned-country server 195.177.255.126 22/tcp 30',
  'sanctioned-country server 2.189.254.132 22/tcp 30',
  'sanctioned-country server 31.214.174.50 22/tcp 30',
] as const;

describe('three days of real traffic with real lists', function () {
  this.timeout(300_000);
  const job = new JobDirectory();

  function configure(test: Mocha.Context, flows: string, shared: boolean): void {
    const path = (name: string): string => resolve(sharedData(test, name));
    const tags = (name: string, category: string, uri: string) => ({
      name,
      kind: 'tags',
      category,
      format: 'address-list',
      uri,
    });
    path('threat/maltrail/malware');
    const ranges = path('shared-infrastructure/lord-alfred-ipranges/all');
    job.configure({
      customers: 'customers.csv',
      inputs: [{ uri: flows, sensor: 'zeek-1' }],
      reference: {
        feeds: [
          tags('maltrail', 'malware', `${path('threat/maltrail/malware')}/*.txt`),
          tags('ipsum', 'attacker', path('threat/ipsum/ipsum.txt')),
          tags('c2-tracker', 'c2', `${path('threat/c2-tracker')}/*.txt`),
          tags('own-list', 'malware', 'own-list.txt'),
          tags('vpn', 'vpn', path('policy/x4bnet-lists_vpn/output/vpn/ipv4.txt')),
          tags('tor', 'tor', path('policy/x4bnet-lists_torexit/ipv4.txt')),
          ...(shared ? [tags('clouds', 'shared', `${ranges}/*_merged.txt`)] : []),
          {
            name: 'geo',
            kind: 'countries',
            format: 'country-prefixes',
            uri: path('geo/ipverse-rir-ip/country'),
          },
        ],
      },
    });
    job.files.write('own-list.txt', '185.199.110.133\n');
    // The server is rented in a cloud whose ranges are on the shared lists: the customer says it is its own.
    job.files.write('customers.csv', `customer,cidr,exclusive\nrita,${SERVER}/32,true\n`);
  }

  const firedOf = ({ findings }: Output): readonly string[] =>
    findings
      .map((finding) =>
        [
          finding.filter,
          finding.customerRole,
          finding.remoteAddress,
          finding.service,
          finding.conversations,
        ].join(' '),
      )
      .sort();

  it('reads every record, and fires only where it should', async function () {
    const flows = resolve(sharedData(this, 'flows/zeek/rita/missing_host'));
    configure(this, `${flows}/*/*.log.gz`, true);
    const output = await job.run();
    const { summary } = output;
    expect(summary.records).to.equal(RECORDS);
    expect(summary.rejects).to.deep.equal({});
    expect(summary.skipped).to.deep.equal({ zeek: { header: 144 } });
    const reached = output.findings.filter(({ filter }) => filter === 'targeted-by-threat');
    const others = output.findings.filter(({ filter }) => filter !== 'targeted-by-threat');
    expect(firedOf({ ...output, findings: others })).to.deep.equal(FIRED);
    // The server guards no password against the Internet: listed addresses guess it, all day long.
    expect(reached).to.have.length(100);
    for (const { service, customerRole, conversations, evidence } of reached) {
      expect(service).to.be.oneOf(['22/tcp', '80/tcp']);
      expect([customerRole, conversations > 0]).to.deep.equal(['server', true]);
      const lists = evidence.filter((entry) => entry.type === 'list');
      expect(lists.map(({ feed, category }) => [feed, category])).to.deep.equal([
        ['ipsum', 'attacker'],
      ]);
    }
    expect(summary.conversations).to.equal(29_436);
    const [graded, joined, , deduped] = summary.steps;
    // Neither the server itself nor a record of it is lost on the way: what goes is said.
    expect(graded.dropped).to.deep.equal({ 'not-tcp': 35_752 });
    expect(joined.dropped).to.deep.equal({});
    expect(deduped.dropped).to.deep.equal({ answered: 1041, attempt: 54_235 });
  });

  it('the shared addresses on the lists do not fire, and without the lists of shared ranges they would', async function () {
    const header =
      'start_ms,end_ms,src_ip,dst_ip,src_port,dst_port,protocol,packets,bytes,tcp_flags';
    const rows = [...SHARED, LISTED].map(
      ([remote, port], i) =>
        `1713600000000,1713600001000,${SERVER},${remote},${50_000 + i},${port},6,12,4000,.AP.SF`,
    );
    job.files.write('flows.csv', `${[header, ...rows].join('\n')}\n`);
    const fired = ([remote, port]: readonly [string, number]): string =>
      `known-bad-remote client ${remote} ${String(port)}/tcp 1`;
    configure(this, 'flows.csv', true);
    const output = await job.run();
    // They are contacted and they are on the lists; only the shared ranges keep them silent.
    expect(output.summary.conversations).to.equal(rows.length);
    expect(firedOf(output)).to.deep.equal([fired(LISTED)]);
    configure(this, 'flows.csv', false);
    const without = await job.run({ output: 'without' });
    expect(firedOf(without)).to.deep.equal([...SHARED, LISTED].map(fired).sort());
  });
});
