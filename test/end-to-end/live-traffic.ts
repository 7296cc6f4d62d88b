import type { ChildProcess } from 'node:child_process';
import { setInterval } from 'node:timers';
import { CSV_HEADER, csvLine, type Row } from '../../launch/generate/row.js';

const TCP = 6;
const SYN = 0x02;
const SYN_ACK = 0x12;
const ACK_PSH = 0x18;

/** Every so often a conversation with a remote that nobody lists keeps the watermark going. */
const QUIET_MS = 200;
const UNLISTED = '198.18.7.7';

/** Flow records of now, as canonical CSV, to the standard input of a job. */
export class LiveTraffic {
  /** All that was sent, with the header: what a batch reads. */
  text = CSV_HEADER;
  readonly #job: ChildProcess;
  #port = 20_000;
  #timer: NodeJS.Timeout | undefined;

  constructor(job: ChildProcess) {
    this.#job = job;
    job.stdin?.write(CSV_HEADER);
  }

  /** Sends something every moment until `end`. */
  keepGoing(): void {
    this.#timer = setInterval(() => {
      this.conversation(UNLISTED);
    }, QUIET_MS);
  }

  /** 10.0.0.5 connects to the port 443 of a remote: handshake and data, both directions. */
  conversation(remote: string, endMs = Date.now()): void {
    const port = this.#port++;
    const record = (out: boolean, tcpFlags: number, packets: number): Row => ({
      startMs: endMs - 500,
      endMs,
      srcIp: out ? '10.0.0.5' : remote,
      dstIp: out ? remote : '10.0.0.5',
      srcPort: out ? port : 443,
      dstPort: out ? 443 : port,
      protocol: TCP,
      packets,
      bytes: packets * 100,
      tcpFlags,
      samplingRate: 1,
      sensor: 'edge',
      exportedMs: endMs,
    });
    // The SYN alone in a record proves who the client is: filters may fire before the window ends.
    const rows = [
      record(true, SYN, 1),
      record(false, SYN_ACK, 1),
      record(true, ACK_PSH, 9),
      record(false, ACK_PSH, 7),
    ];
    const lines = rows.map(csvLine).join('');
    this.text += lines;
    this.#job.stdin?.write(lines);
  }

  /** Sends no more; `close` ends the input as well. */
  end({ close = false } = {}): void {
    clearInterval(this.#timer);
    if (close) this.#job.stdin?.end();
  }
}
