/** Failed requests to Cloud Storage: what they mean, and what to do. */

/** Characters of an answer that a message repeats. */
const SHOWN_CHARACTERS = 300;

/** HTTP status of a failed request; undefined where there was no answer. */
export function statusOf(error: unknown): number | undefined {
  const code = Number((error as { readonly code?: unknown } | null)?.code);
  return Number.isInteger(code) && code >= 100 && code < 600 ? code : undefined;
}

export interface Asked {
  readonly bucket: string;
  /** Such as "listing its files". */
  readonly doing: string;
  /** What the account of the job needs: `Storage Object Viewer (roles/storage.objectViewer)`. */
  readonly role: string;
  /** Names the bucket: `setting history`, ... */
  readonly setting: string;
}

/** What went wrong with a request, in one line. */
export function problemOf({ bucket, doing, role, setting }: Asked, error: unknown): string {
  return `${doing} failed: ${advice(bucket, role, setting, error)} (${shown(error)})`;
}

export const READER = 'Storage Object Viewer (roles/storage.objectViewer)';
export const WRITER = 'Storage Object User (roles/storage.objectUser)';

function advice(bucket: string, role: string, setting: string, error: unknown): string {
  const status = statusOf(error);
  // The library asks without credentials where it finds none; with expired ones it gets no token.
  if (status === 401 || messageOf(error).includes('invalid_grant')) {
    return `there are no valid credentials for bucket ${bucket}; ${GET_CREDENTIALS}`;
  }
  if (status === 403) {
    return (
      `access to bucket ${bucket} is denied; give the account of the job the role ` +
      `${role} on it`
    );
  }
  if (status === 404) {
    return `there is no bucket ${bucket}; create it, or correct the ${setting}`;
  }
  if (status === 409 || status === 412) {
    return `others keep writing the same object in bucket ${bucket}; run again`;
  }
  if (status !== undefined) {
    return `bucket ${bucket}: Cloud Storage answered ${status}; run again later`;
  }
  if (isOfNetwork(error)) {
    return `bucket ${bucket} cannot be reached; check the network, then run again`;
  }
  // What is left are files of keys that cannot be read, which the library tells in words of its own.
  return `the credentials for bucket ${bucket} cannot be used; ${GET_CREDENTIALS}`;
}

const GET_CREDENTIALS =
  'run "gcloud auth application-default login", name a file of keys in ' +
  'GOOGLE_APPLICATION_CREDENTIALS, or run as a service account';

/** Whether there was no answer, or not all of it. */
export function isOfNetwork(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  const text = `${String(code)} ${messageOf(error)}`;
  return /ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOST|ENET|EPIPE|EPROTO|CERT|socket|network|time-?out|request to \S+ failed|aborted|premature close/i.test(
    text,
  );
}

/** The answer in one line without control characters: it comes from elsewhere. */
export function shown(error: unknown): string {
  const text = messageOf(error)
    .replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ')
    .trim();
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
