import type { Format } from './format.js';
import { DatagramDecoder } from './netflow/datagram-decoder.js';
import { frameEnd } from './netflow/datagram-frame.js';
import { hasSignature, preambleLength } from './netflow/preamble.js';

/**
 * NetFlow v5 and v9, IPFIX and sFlow v5: the datagrams of one exporter as they came.
 *
 * In: framed datagrams (netflow/datagram-frame.ts) behind a preamble (netflow/preamble.ts) that holds
 * the templates, sampling rates and start of the exporter as they were known before the first of
 * them, so that each chunk is decoded without the others. What a datagram tells counts for those
 * behind it in its chunk.
 * Out: a row a flow record; a second one where it counts the reverse direction (RFC 5103, or
 * initiator and responder of a firewall); a row of one packet for a packet that sFlow sampled, at the
 * time of its arrival. The sensor is the exporter's address (sFlow: the agent's), with `/` and the
 * domain, source id, engine or sub-agent if that is not 0.
 * The counts behind the device (elements 23 and 24) are read only where no others are: IANA and some
 * exporters do not agree whose they are.
 * Skipped: templates, options, counters, firewall events without counts or of denied packets,
 * translations, records without addresses or counts. A data set whose template is not known is one
 * reject, `unknown-template`.
 * Source: RFC 3954 (v9), RFC 7011 (IPFIX), RFC 5103, sflow.org's sFlow Version 5.
 */
export const netflow: Format = {
  id: 'netflow',
  splittable: false,

  detect: hasSignature,

  preambleLength,

  wholeRecords(bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let at = 0;
    for (let end = frameEnd(view, at); end <= bytes.length; end = frameEnd(view, at)) at = end;
    return at;
  },

  decoder(preamble) {
    return new DatagramDecoder(preamble);
  },
};
