import { basename, resolve } from 'node:path';
import { expect } from 'chai';
import { compileSnapshot } from '../../reference/compile.js';
import type { ManifestRef } from '../../reference/snapshot.js';
import { sharedData } from '../shared-data.js';
import { conversationsOf } from './conversations-of.js';
import { JobDirectory } from './job-directory.js';
import { zeekLog } from './zeek-log.js';

interface Capture {
  readonly pcap: string;
  /** Addresses of the customer: one side of the traffic. */
  readonly customer: readonly string[];
  /** Remotes that the feed lists; private ones never fire. */
  readonly listed: readonly string[];
  /** Established conversations, by the packets. */
  readonly conversations: number;
  /** `customer remote service conversations` that must be found, whoever exported. */
  readonly findings: readonly string[];
  /** What others made of the capture. */
  readonly exports: readonly string[];
  /** What an exporter must get wrong, by the beginning of its files' names. */
  readonly differences?: Readonly<
    Record<string, { readonly right: string; readonly wrong: string; readonly finding: string }>
  >;
}

const CAPTURES: readonly Capture[] = [
  {
    // A scanning bot on 192.168.2.16: 131 connections that nobody answered, 5 refused, and two logins to it by ssh.
    pcap: 'slips/test7-malicious',
    customer: ['192.168.2.16/32'],
    listed: [],
    conversations: 2,
    findings: [],
    exports: [
      'argus/test7-malicious.binetflow',
      'nfcapd/test7-nf9.nfcapd',
      'csv/test7-nf9.csv',
      'nfcapd-nfpcapd/test7-malicious.nfcapd',
      'nfcapd-nfpcapd/test7-malicious.csv',
    ],
  },
  {
    // 299 connections from 297 ports: two ports are used again within the window. softflowd's IPFIX (nf10) has start and end exchanged in all 594 records: they are taken and exchanged back.
    pcap: 'slips/test-cc-capture-1',
    customer: ['147.32.80.37/32'],
    listed: ['141.193.213.20/31'],
    conversations: 297,
    findings: ['147.32.80.37 141.193.213.20 443/tcp 2', '147.32.80.37 141.193.213.21 443/tcp 295'],
    exports: [
      'argus/test-cc-capture-1.binetflow',
      'nfcapd/test-cc-1-nf5.nfcapd',
      'nfcapd/test-cc-1-nf9.nfcapd',
      'nfcapd/test-cc-1-nf10.nfcapd',
      'csv/test-cc-1-nf5.csv',
      'csv/test-cc-1-nf9.csv',
      'csv/test-cc-1-nf10.csv',
      'nfcapd-nfpcapd/test-cc-capture-1.nfcapd',
      'nfcapd-nfpcapd/test-cc-capture-1.csv',
    ],
  },
  {
    // Argus calls the half-open probe before the guessing SR_SA, Zeek RSTO with ShR: both are an answer, no connection.
    pcap: 'slips/malicious-ssh-bruteforce',
    customer: ['147.32.80.37/32'],
    listed: ['147.32.80.40'],
    conversations: 66,
    // The customer is the server: whoever reaches for it is not its risk.
    findings: [],
    exports: [
      'argus/malicious-ssh-bruteforce.binetflow',
      'nfcapd/ssh-brute-nf10.nfcapd',
      'csv/ssh-brute-nf10.csv',
      'nfcapd-nfpcapd/malicious-ssh-bruteforce.nfcapd',
      'nfcapd-nfpcapd/malicious-ssh-bruteforce.csv',
    ],
  },
  {
    // One capture of several years. Argus writes a record for each minute of a connection.
    pcap: 'zeek/ssh',
    customer: ['192.168.2.158/32', '192.168.1.32/32', '192.168.1.79/32', '10.0.0.0/8'],
    listed: ['131.159.21.1', '128.2.0.0/16', '131.103.20.168'],
    conversations: 23,
    findings: [
      '10.0.0.18 128.2.6.88 41644/tcp 1',
      '192.168.1.32 128.2.10.238 22/tcp 2',
      '192.168.1.32 128.2.13.133 22/tcp 1',
      '192.168.1.32 131.103.20.168 22/tcp 3',
      '192.168.1.79 131.159.21.1 22/tcp 1',
    ],
    exports: ['argus/ssh.binetflow', 'nfcapd/ssh-nf9.nfcapd', 'csv/ssh-nf9.csv'],
    differences: {
      // ssh at 41644 from 40184: softflowd says neither who began nor, OR-ed over a direction, who
      // sent the SYN; so the lower port is held to be the server, at low confidence, and it is not.
      'ssh-nf9': {
        right: '10.0.0.18:40184 client 128.2.6.88:41644',
        wrong: '10.0.0.18:40184 server 128.2.6.88:41644',
        finding: '10.0.0.18 128.2.6.88 41644/tcp 1',
      },
    },
  },
  {
    // nmap: 14 probes that were refused or not answered, and three connections that it completed and reset at once.
    pcap: 'zeek/nmap-vsn',
    customer: ['192.168.1.71/32'],
    listed: ['192.168.1.0/24'],
    conversations: 3,
    findings: [],
    exports: ['argus/nmap-vsn.binetflow', 'nfcapd/nmap-vsn-nf5.nfcapd', 'csv/nmap-vsn-nf5.csv'],
  },
];

/**
 * The packets are the oracle: zeekLog makes of them what Zeek makes. Times are left out of the
 * comparison: softflowd reading a file takes the day it ran for the day of the packets.
 */
describe('the same capture through different exporters', function () {
  this.timeout(120_000);
  const job = new JobDirectory();

  for (const capture of CAPTURES) {
    describe(capture.pcap, () => {
      it('holds the conversations that are known of it', async function () {
        const log = job.files.write(
          'conn.log',
          zeekLog(sharedData(this, `flows/pcap/${capture.pcap}.pcap`)),
        );
        const found = await conversationsOf(log, await reference());
        expect(found).to.have.length(capture.conversations);
        expect(await findingsOf(log)).to.deep.equal(capture.findings);
      });

      for (const path of capture.exports) {
        it(`${path} gives the same conversations and findings`, async function () {
          const pcap = sharedData(this, `flows/pcap/${capture.pcap}.pcap`);
          const file = resolve(sharedData(this, `flows/derived/${path}`));
          const log = job.files.write('conn.log', zeekLog(pcap));
          const difference = Object.entries(capture.differences ?? {}).find(([name]) =>
            basename(path).startsWith(name),
          )?.[1];
          const expected = (await conversationsOf(log, await reference())).map((conversation) =>
            conversation === difference?.right ? difference.wrong : conversation,
          );
          const found = await conversationsOf(file, await reference());
          expect(found).to.deep.equal([...expected].sort());
          expect(await findingsOf(file)).to.deep.equal(
            capture.findings.filter((finding) => finding !== difference?.finding),
          );
        });
      }

      async function reference(): Promise<ManifestRef> {
        const rows = capture.customer.map((prefix) => `home,${prefix}`);
        job.files.write('customers.csv', `customer,cidr\n${rows.join('\n')}\n`);
        const directory = job.files.path('customers');
        const customers = { uri: 'customers.csv' };
        const baseDir = job.files.directory;
        const { version } = await compileSnapshot({ feeds: [], customers, baseDir }, directory);
        return { version, directory };
      }

      /** `customer remote service conversations`, over all days: softflowd has its own. */
      async function findingsOf(file: string): Promise<readonly string[]> {
        job.files.write('listed.txt', `# listed\n${capture.listed.join('\n')}\n`);
        const list = { kind: 'tags', category: 'c2', format: 'address-list', uri: 'listed.txt' };
        job.configure({
          customers: 'customers.csv',
          inputs: [{ uri: file }],
          reference: { feeds: [{ name: 'listed', ...list }] },
        });
        const { findings } = await job.run();
        const counts = new Map<string, number>();
        for (const finding of findings) {
          const { filter, remoteAddress, service, conversations } = finding;
          // The same contacts, told by the other end: a group counts a conversation once a window.
          if (filter === 'targeted-by-threat') continue;
          expect(filter).to.equal('known-bad-remote');
          const key = `${finding.customerAddress ?? '-'} ${remoteAddress ?? '-'} ${service}`;
          counts.set(key, (counts.get(key) ?? 0) + conversations);
        }
        return [...counts].map(([key, count]) => `${key} ${String(count)}`).sort();
      }
    });
  }
});
