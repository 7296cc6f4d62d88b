/** Sends NetFlow v5 at a fixed rate over UDP until it is killed: `send-netflow PORT FLOWS_A_SECOND SEED`. */
import { createSocket } from 'node:dgram';
import { benchFlow, Random } from './flows.js';

const HEADER = 24;
const RECORD = 48;
const RECORDS = 30;
const TICK_MS = 5;

const [port, rate, seed] = process.argv.slice(2).map(Number);
const random = new Random(seed);
const socket = createSocket('udp4');
const bootMs = Date.now() - 3_600_000;
let sequence = 0;

function datagram(): Buffer {
  const nowMs = Date.now();
  const uptime = nowMs - bootMs;
  const packet = Buffer.alloc(HEADER + RECORDS * RECORD);
  packet.writeUInt16BE(5, 0);
  packet.writeUInt16BE(RECORDS, 2);
  packet.writeUInt32BE(uptime, 4);
  packet.writeUInt32BE(Math.floor(nowMs / 1000), 8);
  packet.writeUInt32BE((nowMs % 1000) * 1e6, 12);
  packet.writeUInt32BE(sequence >>> 0, 16);
  sequence += RECORDS;
  for (let i = 0; i < RECORDS; i++) {
    const at = HEADER + i * RECORD;
    const flow = benchFlow(random);
    packet.writeUInt32BE(flow.src, at);
    packet.writeUInt32BE(flow.dst, at + 4);
    packet.writeUInt32BE(flow.packets, at + 16);
    packet.writeUInt32BE(flow.bytes, at + 20);
    packet.writeUInt32BE(uptime - random.below(5000) - 1000, at + 24);
    packet.writeUInt32BE(uptime - random.below(1000), at + 28);
    packet.writeUInt16BE(flow.srcPort, at + 32);
    packet.writeUInt16BE(flow.dstPort, at + 34);
    packet.writeUInt8(flow.flags, at + 37);
    packet.writeUInt8(6, at + 38);
  }
  return packet;
}

const begun = performance.now();
let sent = 0;
setInterval(() => {
  const due = ((performance.now() - begun) / 1000) * rate;
  for (; sent < due; sent += RECORDS) socket.send(datagram(), port, '127.0.0.1');
}, TICK_MS);
setInterval(() => process.stdout.write(`${sent}\n`), 1000);
