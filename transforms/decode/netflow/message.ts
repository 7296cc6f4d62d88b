import type { TemplateVersion } from './template.js';

const NETFLOW9_HEADER = 20;
const IPFIX_HEADER = 16;
export const SET_HEADER = 4;

/** Sets with ids from here on hold data, by the template of that id. */
export const FIRST_DATA_SET = 256;

/** Header of a NetFlow v9 packet (RFC 3954 section 5.1) or an IPFIX message (RFC 7011 section 3.1); one object for all. */
export class MessageHeader {
  version: TemplateVersion = 9;
  /** Source id or observation domain. */
  domain = 0;
  exportMs = 0;
  /** Uptime at export; NetFlow v9 alone says it. */
  uptimeMs = 0;
  sequence = 0;
  /** Where the sets begin, and where they end by the header, which may be beyond the datagram. */
  sets = 0;
  end = 0;

  /** Reads the header of the message in `view` from `at` to `end`; returns whether there is a whole one. */
  read(view: DataView, at: number, end: number, version: TemplateVersion): boolean {
    const length = version === 9 ? NETFLOW9_HEADER : IPFIX_HEADER;
    if (end - at < length) return false;
    this.version = version;
    this.sets = at + length;
    if (version === 9) {
      this.uptimeMs = view.getUint32(at + 4);
      this.exportMs = view.getUint32(at + 8) * 1000;
      this.sequence = view.getUint32(at + 12);
      this.domain = view.getUint32(at + 16);
      this.end = end;
    } else {
      this.uptimeMs = 0;
      this.exportMs = view.getUint32(at + 4) * 1000;
      this.sequence = view.getUint32(at + 8);
      this.domain = view.getUint32(at + 12);
      this.end = at + view.getUint16(at + 2);
    }
    return true;
  }
}

/** Whether sets of that id hold templates (RFC 3954 sections 5.2 and 6.1, RFC 7011 section 3.3.2). */
export function isTemplateSet(version: TemplateVersion, set: number): boolean {
  return version === 9 ? set === 0 : set === 2;
}

export function isOptionsTemplateSet(version: TemplateVersion, set: number): boolean {
  return version === 9 ? set === 1 : set === 3;
}

/** Why the set at `at` cannot be told from what follows; undefined if it can. */
export function setProblem(view: DataView, at: number, end: number): string | undefined {
  const left = end - at;
  const length = left < SET_HEADER ? 0 : view.getUint16(at + 2);
  if (left < SET_HEADER || length > left) return 'truncated';
  return length < SET_HEADER ? 'bad-set' : undefined;
}

/**
 * Whether what is left of a set or message is padding, which nothing says the length of: zeros, or
 * too little for anything else (some exporters pad with what was in memory).
 */
export function isPadding(view: DataView, at: number, end: number): boolean {
  if (end - at < SET_HEADER) return true;
  for (; at < end; at++) if (view.getUint8(at) !== 0) return false;
  return true;
}
