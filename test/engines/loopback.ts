import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import type { Context } from 'mocha';

/**
 * Skips the test (or all of a `before`), saying so, unless this process sees no network but loopback:
 * the engines listen on all interfaces. `npm run test:engines` runs the tests in such a namespace.
 */
export function requireLoopback(test: Context): void {
  const others = Object.keys(networkInterfaces()).filter((name) => name !== 'lo');
  if (others.length === 0) return;
  skip(test, 'engines run in a network namespace with loopback only (npm run test:engines)');
}

/** Skips the test with a printed reason; with CI=true it fails. */
export function skip(test: Context, why: string): never {
  if (process.env['CI'] === 'true') throw new Error(why);
  process.stdout.write(`      skipped: ${why}\n`);
  return test.skip();
}

/** Ports of 127.0.0.1 that nobody listens on now, each another. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  const ports: number[] = [];
  for (const server of servers) {
    if (!server.listening) await once(server, 'listening');
    ports.push((server.address() as AddressInfo).port);
  }
  for (const server of servers) {
    server.close();
    await once(server, 'close');
  }
  return ports;
}
