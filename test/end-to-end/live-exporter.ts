import { spawn, type ChildProcess } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Context } from 'mocha';
import { until } from './streaming-job.js';

/** Daemons are not on everybody's path. */
const PATH = [process.env['PATH'] ?? '', '/usr/sbin', '/usr/local/sbin'].join(delimiter);

/** Skips the test, saying so, where one is not installed, but not in CI. */
export function requireTools(test: Context, ...names: readonly string[]): void {
  for (const name of names) {
    const found = PATH.split(delimiter).some((folder) => existsSync(join(folder, name)));
    if (found) continue;
    if (process.env['CI'] === 'true') throw new Error(`${name} is not installed`);
    process.stdout.write(`      skipped: ${name} is not installed\n`);
    test.skip();
  }
}

export function startTool(command: string, args: readonly string[]): ChildProcess {
  return spawn(command, args, { stdio: 'ignore', env: { ...process.env, PATH } });
}

export async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

/** A socket of this machine with room for what a replay sends at once. */
export async function boundSocket(): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 22 });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

export async function freePort(): Promise<number> {
  const socket = await boundSocket();
  const { port } = socket.address();
  socket.close();
  return port;
}

export function send(socket: Socket, datagram: Uint8Array, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(datagram, port, '127.0.0.1', (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}

/** Bytes that the kernel holds for the socket at that port, and what it dropped; undefined if there is none. */
export function socketAt(port: number): { waiting: number; drops: number } | undefined {
  const place = `:${port.toString(16).padStart(4, '0').toUpperCase()}`;
  for (const line of readFileSync('/proc/net/udp', 'utf8').split('\n')) {
    const columns = line.trim().split(/\s+/);
    if (!(columns[1] ?? '').endsWith(place)) continue;
    return { waiting: parseInt(columns[4].split(':')[1], 16), drops: Number(columns[12]) };
  }
  return undefined;
}

/** What softflowd exports of a capture, datagram by datagram. */
export async function exportedBy(
  capture: string,
  options: readonly string[],
): Promise<readonly Uint8Array[]> {
  const folder = mkdtempSync(join(tmpdir(), 'softflowd-test-'));
  const socket = await boundSocket();
  const { port } = socket.address();
  const datagrams: Uint8Array[] = [];
  socket.on('message', (datagram) => datagrams.push(datagram));
  try {
    const own = ['-d', '-c', 'none', '-p', join(folder, 'softflowd.pid')];
    const args = [...own, '-r', capture, '-n', `127.0.0.1:${port}`, ...options];
    const code = await exitOf(startTool('softflowd', args));
    if (code !== 0) throw new Error(`softflowd ended with ${String(code)}`);
    await until('the last datagram', () => socketAt(port)?.waiting === 0);
    if (socketAt(port)?.drops !== 0) throw new Error('the kernel dropped datagrams');
    // What the kernel has handed over is still to be told.
    await new Promise(setImmediate);
  } finally {
    socket.close();
    rmSync(folder, { recursive: true });
  }
  return datagrams;
}

/** An exporter that sends what it is given, and waits for who receives it: UDP drops what is too fast. */
export class Exporter {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async open(): Promise<Exporter> {
    return new Exporter(await boundSocket());
  }

  async send(datagrams: readonly Uint8Array[], ...ports: readonly number[]): Promise<void> {
    for (const datagram of datagrams) {
      for (const port of ports) await send(this.#socket, datagram, port);
    }
    for (const port of ports) {
      await until(`port ${port} to be read`, () => socketAt(port)?.waiting === 0);
      if (socketAt(port)?.drops !== 0) throw new Error(`datagrams to port ${port} were dropped`);
    }
  }

  close(): void {
    this.#socket.close();
  }
}
