/** Publishes CSV messages at a fixed rate until it is killed: `publish TOPIC FLOWS_A_SECOND RECORDS_A_MESSAGE SEED`. */
import { PubSub } from '@google-cloud/pubsub';
import { addressText, benchFlow, Random } from './flows.js';

const HEADER =
  'start_ms,end_ms,src_ip,dst_ip,src_port,dst_port,protocol,packets,bytes,tcp_flags,sampling_rate,sensor\n';
const TICK_MS = 20;
const MOST_IN_FLIGHT = 2000;

const [topicName, ...numbers] = process.argv.slice(2);
const [rate, records, seed] = numbers.map(Number);
const random = new Random(seed);
const client = new PubSub({ projectId: topicName.split('/')[1] });
const topic = client.topic(topicName, { batching: { maxMessages: 500, maxMilliseconds: 10 } });

function message(): { data: Buffer; attributes: Record<string, string> } {
  const nowMs = Date.now();
  let text = HEADER;
  let earliestMs = nowMs;
  for (let i = 0; i < records; i++) {
    const { src, dst, srcPort, dstPort, flags, packets, bytes } = benchFlow(random);
    const endMs = nowMs - random.below(1000);
    earliestMs = Math.min(earliestMs, endMs);
    text += `${endMs - 3000},${endMs},${addressText(src)},${addressText(dst)},${srcPort},${dstPort},6,${packets},${bytes},${flags},1,bench\n`;
  }
  return { data: Buffer.from(text), attributes: { ts: String(earliestMs) } };
}

const begun = performance.now();
let sent = 0;
let inFlight = 0;
setInterval(() => {
  const due = ((performance.now() - begun) / 1000) * rate;
  for (; sent < due && inFlight < MOST_IN_FLIGHT; sent += records) {
    inFlight++;
    void topic.publishMessage(message()).finally(() => inFlight--);
  }
}, TICK_MS);
setInterval(() => process.stdout.write(`${sent}\n`), 1000);
