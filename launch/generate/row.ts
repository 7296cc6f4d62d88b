/** One flow record as a sensor exports it: one direction, `src` sent the packets. */
export interface Row {
  /** Milliseconds since 1970 UTC of the first and last packet the sensor saw. */
  readonly startMs: number;
  readonly endMs: number;
  readonly srcIp: string;
  readonly dstIp: string;
  readonly srcPort: number;
  readonly dstPort: number;
  /** IANA number. */
  readonly protocol: number;
  /** As sampled, not scaled up. */
  readonly packets: number;
  readonly bytes: number;
  readonly tcpFlags: number;
  /** 1 in N packets. */
  readonly samplingRate: number;
  readonly sensor: string;
  /** When the record leaves the sensor: later than `endMs` by time-out and delay. Orders the files. */
  readonly exportedMs: number;
}

export type RowFormat = 'csv' | 'goflow2';

export const CSV_HEADER =
  'start_ms,end_ms,src_ip,dst_ip,src_port,dst_port,protocol,packets,bytes,tcp_flags,sampling_rate,sensor\n';

/** The row as a line of canonical CSV, with its line feed. */
export function csvLine(row: Row): string {
  return `${row.startMs},${row.endMs},${row.srcIp},${row.dstIp},${row.srcPort},${row.dstPort},${row.protocol},${row.packets},${row.bytes},${row.tcpFlags},${row.samplingRate},${row.sensor}\n`;
}

const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  1: 'ICMP',
  6: 'TCP',
  17: 'UDP',
  58: 'IPv6-ICMP',
};

/**
 * The row as a line of goflow2 2.x JSON, whose times are nanoseconds beyond 2^53 and therefore
 * written as text: milliseconds and six more digits. goflow2 names a sensor by its address.
 */
export function goflow2Line(row: Row, samplerAddress: string): string {
  const etype = row.srcIp.includes(':') ? 'IPv6' : 'IPv4';
  const proto = PROTOCOL_NAMES[row.protocol] ?? String(row.protocol);
  return (
    `{"type":"NETFLOW_V9","time_received_ns":${row.exportedMs}000000,"sequence_num":0,` +
    `"sampling_rate":${row.samplingRate},"sampler_address":"${samplerAddress}",` +
    `"time_flow_start_ns":${row.startMs}000000,"time_flow_end_ns":${row.endMs}000000,` +
    `"bytes":${row.bytes},"packets":${row.packets},"src_addr":"${row.srcIp}","dst_addr":"${row.dstIp}",` +
    `"etype":"${etype}","proto":"${proto}","src_port":${row.srcPort},"dst_port":${row.dstPort},` +
    `"in_if":0,"out_if":0,"tcp_flags":${row.tcpFlags}}\n`
  );
}
