import { argus } from './argus.js';
import { csv } from './csv.js';
import type { Format } from './format.js';
import { goflow2 } from './goflow2.js';
import { netflow } from './netflow.js';
import { nfcapd } from './nfcapd.js';
import { zeek } from './zeek.js';

/**
 * All formats, in the order in which an input is tried: what has a signature first, then what names
 * its fields, CSV last, because its rows are also recognised without a header.
 */
export const formats: readonly Format[] = [nfcapd, netflow, zeek, goflow2, argus, csv];

/** The format of that id; undefined if there is none. */
export function formatById(id: string): Format | undefined {
  return formats.find((format) => format.id === id);
}

/** The first format that knows `head`, the first bytes of an input (at most 64 KiB); undefined if none does. */
export function detectFormat(head: Uint8Array): Format | undefined {
  return formats.find((format) => format.detect(head));
}
