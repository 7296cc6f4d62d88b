/** Flow records as a busy exporter of one provider sends them, made as fast as they can be sent. */

/** Networks of the bench's customers: 10.N.0.0/16 of customer N. */
export const CUSTOMERS = 200;

/** Remotes on the bench's threat list, in 185.0.0.0/16. */
export const THREATS = 1000;

export interface BenchFlow {
  readonly src: number;
  readonly dst: number;
  readonly srcPort: number;
  readonly dstPort: number;
  readonly flags: number;
  readonly packets: number;
  readonly bytes: number;
}

const SYN_ACK_PSH = 0x1a;
const ACK_PSH = 0x18;

/** A small fast generator (mulberry32): the bench measures the job and not this. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  below(n: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % n;
  }
}

/** Clients of each customer, and remotes that each of them talks to. */
const CLIENTS = 50;
const REMOTES = 40;

/**
 * One record of a population that is bounded, as a network's is: 10,000 clients, each with 40 remotes
 * of its own out of a million; one record in 20,000 is with a listed remote.
 */
export function benchFlow(random: Random): BenchFlow {
  const customer = random.below(CUSTOMERS);
  const host = random.below(CLIENTS);
  const client = (10 << 24) | (customer << 16) | host;
  const listed = random.below(20_000) === 0;
  const own = Math.imul((customer * CLIENTS + host) * REMOTES + random.below(REMOTES), 0x9e3779b1);
  const remote = listed ? (185 << 24) | random.below(THREATS) : (193 << 24) | (own >>> 12);
  const packets = 1 + random.below(20);
  return {
    src: client >>> 0,
    dst: remote >>> 0,
    srcPort: 32768 + random.below(8),
    dstPort: 443,
    flags: random.below(4) === 0 ? SYN_ACK_PSH : ACK_PSH,
    packets,
    bytes: packets * (60 + random.below(900)),
  };
}

export function addressText(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}
