import { expect } from 'chai';
import { spawn, type ChildProcess } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Context } from 'mocha';
import { nfcapd } from '../../transforms/decode/nfcapd.js';
import { collect, type PlainRow } from '../decode/collect.js';
import { expectAsNfcapd, type NfcapdHabit } from '../decode/netflow-as-nfcapd.js';
import { RunningCollector, until } from '../read/netflow-intake.js';
import { sharedData } from '../shared-data.js';

/** Daemons are not on everybody's path. */
const PATH = [process.env['PATH'] ?? '', '/usr/sbin', '/usr/local/sbin'].join(delimiter);

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
      const daemon = start('nfcapd', ['-p', String(nfcapdPort), '-b', '127.0.0.1', '-w', folder]);
      const relay = await bound();
      try {
        const ports = [await collector.port(), nfcapdPort];
        await until(() => socketOf(nfcapdPort) !== undefined);
        const relayed: Promise<void>[] = [];
        relay.on('message', (datagram) => {
          for (const port of ports) relayed.push(send(relay, datagram, port));
        });
        const target = `127.0.0.1:${relay.address().port}`;
        const own = ['-d', '-c', 'none', '-p', join(folder, 'softflowd.pid')];
        const exporter = start('softflowd', [...own, '-r', capture, '-n', target, ...options]);
        expect(await exitOf(exporter)).to.equal(0);
        await until(() => socketOf(relay.address().port)?.waiting === 0);
        await Promise.all(relayed);
        await until(() => collector.intake.counted('datagrams/udp') === relayed.length / 2);
        await until(() => socketOf(nfcapdPort)?.waiting === 0);
        expect(socketOf(nfcapdPort)?.drops).to.equal(0);
        expect(socketOf(relay.address().port)?.drops).to.equal(0);
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

/** Skips the test, saying so, where one is not installed, but not in CI. */
function requireTools(test: Context, ...names: readonly string[]): void {
  for (const name of names) {
    const found = PATH.split(delimiter).some((folder) => existsSync(join(folder, name)));
    if (found) continue;
    if (process.env['CI'] === 'true') throw new Error(`${name} is not installed`);
    process.stdout.write(`      skipped: ${name} is not installed\n`);
    test.skip();
  }
}

function start(command: string, args: readonly string[]): ChildProcess {
  return spawn(command, args, { stdio: 'ignore', env: { ...process.env, PATH } });
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

async function bound(): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 22 });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

async function freePort(): Promise<number> {
  const socket = await bound();
  const { port } = socket.address();
  socket.close();
  return port;
}

function send(socket: Socket, datagram: Uint8Array, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(datagram, port, '127.0.0.1', (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}

/** Bytes that the kernel holds for the socket at that port, and what it dropped; undefined if there is none. */
function socketOf(port: number): { waiting: number; drops: number } | undefined {
  const place = `:${port.toString(16).padStart(4, '0').toUpperCase()}`;
  for (const line of readFileSync('/proc/net/udp', 'utf8').split('\n')) {
    const columns = line.trim().split(/\s+/);
    if (!(columns[1] ?? '').endsWith(place)) continue;
    return { waiting: parseInt(columns[4].split(':')[1], 16), drops: Number(columns[12]) };
  }
  return undefined;
}

function nfcapdRows(folder: string): PlainRow[] {
  const files = readdirSync(folder).filter((name) => /^nfcapd\.\d+$/.test(name));
  return files.flatMap((name) => collect(nfcapd, readFileSync(join(folder, name))).rows);
}
