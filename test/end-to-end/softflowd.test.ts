import { expect } from 'chai';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nfcapd } from '../../transforms/decode/nfcapd.js';
import { collect, type PlainRow } from '../decode/collect.js';
import { expectAsNfcapd, type NfcapdHabit } from '../decode/netflow-as-nfcapd.js';
import { RunningCollector, until } from '../read/netflow-intake.js';
import { sharedData } from '../shared-data.js';
import {
  boundSocket,
  exitOf,
  freePort,
  requireTools,
  send,
  socketAt,
  startTool,
} from './live-exporter.js';

interface Replay {
  readonly pcap: string;
  /** Version of the packets, and further options of softflowd. */
  readonly options: readonly string[];
  readonly rows: number;
  readonly habits?: readonly NfcapdHabit[];
}

// Without -a softflowd takes the day it runs for that of the packets.
const REPLAYS: readonly Replay[] = [
  { pcap: 'slips/test-cc-capture-1', options: ['-v', '5', '-a'], rows: 594 },
  { pcap: 'slips/test-cc-capture-1', options: ['-v', '9', '-a'], rows: 594 },
  {
    pcap: 'slips/test-cc-capture-1',
    options: ['-v', '10', '-a'],
    rows: 594,
    habits: ['exchanged-uptime'],
  },
  { pcap: 'slips/test-cc-capture-1', options: ['-v', '10', '-a', '-A', 'milli'], rows: 594 },
  {
    pcap: 'slips/test-cc-capture-1',
    options: ['-v', '10', '-a', '-A', 'sec'],
    rows: 594,
    habits: ['no-time'],
  },
  {
    pcap: 'slips/test-cc-capture-1',
    options: ['-v', '10', '-a', '-A', 'milli', '-b'],
    rows: 594,
  },
  { pcap: 'slips/test-cc-capture-1', options: ['-v', '5', '-a', '-s', '10'], rows: 522 },
  {
    pcap: 'slips/test-cc-capture-1',
    options: ['-v', '9', '-a', '-s', '10'],
    rows: 522,
    habits: ['no-sampling-options'],
  },
  {
    pcap: 'slips/test-cc-capture-1',
    options: ['-v', '10', '-a', '-A', 'milli', '-s', '10'],
    rows: 522,
    habits: ['no-sampling-options'],
  },
  { pcap: 'slips/test7-malicious', options: ['-v', '9', '-a'], rows: 349 },
  { pcap: 'slips/test12-icmp-portscan', options: ['-v', '9', '-a'], rows: 29, habits: ['no-time'] },
  { pcap: 'zeek/nmap-vsn', options: ['-v', '5', '-a'], rows: 28 },
];

/**
 * softflowd exports a capture to a port from which each datagram goes on, as it came, to our
 * collector and to nfcapd. What is decoded here and what nfcapd writes are then the same records.
 */
describe('the same datagrams to our UDP port and to nfcapd', function () {
  this.timeout(120_000);

  for (const { pcap, options, rows, habits = [] } of REPLAYS) {
    it(`softflowd ${options.join(' ')} of ${pcap}: the same records, column by column`, async function () {
      const capture = sharedData(this, `flows/pcap/${pcap}.pcap`);
      requireTools(this, 'softflowd', 'nfcapd');
      const collector = new RunningCollector();
      const folder = mkdtempSync(join(tmpdir(), 'softflowd-test-'));
      const nfcapdPort = await freePort();
      const daemon = startTool('nfcapd', [
        '-p',
        String(nfcapdPort),
        '-b',
        '127.0.0.1',
        '-w',
        folder,
      ]);
      const relay = await boundSocket();
      try {
        const ports = [await collector.port(), nfcapdPort];
        await until(() => socketAt(nfcapdPort) !== undefined);
        const relayed: Promise<void>[] = [];
        relay.on('message', (datagram) => {
          for (const port of ports) relayed.push(send(relay, datagram, port));
        });
        const target = `127.0.0.1:${relay.address().port}`;
        const own = ['-d', '-c', 'none', '-p', join(folder, 'softflowd.pid')];
        const exporter = startTool('softflowd', [...own, '-r', capture, '-n', target, ...options]);
        expect(await exitOf(exporter)).to.equal(0);
        await until(() => socketAt(relay.address().port)?.waiting === 0);
        await Promise.all(relayed);
        await until(() => collector.intake.counted('datagrams/udp') === relayed.length / 2);
        await until(() => socketAt(nfcapdPort)?.waiting === 0);
        expect(socketAt(nfcapdPort)?.drops).to.equal(0);
        expect(socketAt(relay.address().port)?.drops).to.equal(0);
        daemon.kill('SIGTERM');
        await exitOf(daemon);
        await collector.stop();

        const decoded = collector.intake.decoded();
        expect(decoded.rejects).to.deep.equal({});
        for (const name of ['dropped/udp/backlog', 'dropped/udp/kernel', 'lost/udp/sequence']) {
          expect(collector.intake.counted(name), name).to.equal(0);
        }
        const written = nfcapdRows(folder);
        expectAsNfcapd(decoded.rows, written, habits);
        expect(decoded.rows.length).to.equal(rows);
      } finally {
        if (daemon.exitCode === null) daemon.kill('SIGKILL');
        relay.close();
        await collector.stop();
        rmSync(folder, { recursive: true });
      }
    });
  }
});

function nfcapdRows(folder: string): PlainRow[] {
  const files = readdirSync(folder).filter((name) => /^nfcapd\.\d+$/.test(name));
  return files.flatMap((name) => collect(nfcapd, readFileSync(join(folder, name))).rows);
}
