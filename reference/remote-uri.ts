/** Feeds that lie elsewhere: what may be fetched, and how it is shown. */
import { parseObjectUri } from '../objects/object-uri.js';

const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i;

const CONTROL = /[\u0000-\u001f\u007f]/;

type RemoteUri =
  | { readonly scheme: 'http'; readonly url: URL }
  | { readonly scheme: 'gs'; readonly bucket: string; readonly object: string };

/** Whether `uri` names a scheme: then it is no path of this machine. */
export function isRemote(uri: string): boolean {
  return SCHEME.test(uri);
}

/** Reads http://, https:// and gs://bucket/object; undefined where it is none of them. */
export function parseRemoteUri(uri: string): RemoteUri | undefined {
  const scheme = SCHEME.exec(uri)?.[1].toLowerCase();
  if (scheme === 'gs') {
    const place = parseObjectUri(uri);
    return place && { scheme, bucket: place.bucket, object: place.name };
  }
  if ((scheme !== 'http' && scheme !== 'https') || CONTROL.test(uri)) return undefined;
  return URL.canParse(uri) ? { scheme: 'http', url: new URL(uri) } : undefined;
}

/** The URI as messages, manifests and tables may show it: feeds carry keys in user parts and queries. */
export function shownUri(uri: string | URL): string {
  const text = String(uri);
  if (!/^https?:/i.test(text)) return text;
  if (!URL.canParse(text)) return '(not a URL)';
  const url = new URL(text);
  const query = url.search === '' ? '' : '?...';
  return `${url.protocol}//${url.host}${url.pathname}${query}`;
}

/**
 * Name of the file that a URI ends in: formats that say something by the name of a file
 * (`ir.txt`) keep it wherever the file comes from.
 */
export function remoteFileName(remote: RemoteUri): string {
  const path = remote.scheme === 'gs' ? remote.object : remote.url.pathname;
  const last = path.split('/').at(-1) ?? '';
  return last === '' ? 'index' : last;
}
