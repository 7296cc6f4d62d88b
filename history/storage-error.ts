/** Characters of an answer that a message repeats. */
const SHOWN_CHARACTERS = 300;

/**
 * The place of the history cannot be used: no credentials, no bucket, no right, no network. Unlike a
 * HistoryError it says nothing about a day, so no run goes on without history because of it.
 */
export class HistoryStorageError extends Error {
  /** The message without the word that it is about history. */
  readonly problem: string;

  constructor(place: string, problem: string, options?: ErrorOptions) {
    super(`history ${place}: ${problem}`, options);
    this.name = 'HistoryStorageError';
    this.problem = `${place}: ${problem}`;
  }
}

/** HTTP status of a failed request to Cloud Storage; undefined where there was no answer. */
export function statusOf(error: unknown): number | undefined {
  const code = Number((error as { readonly code?: unknown } | null)?.code);
  return Number.isInteger(code) && code >= 100 && code < 600 ? code : undefined;
}

/** What a failed request to `bucket` means, and what to do. `doing` is such as "listing its days". */
export function storageError(
  place: string,
  bucket: string,
  doing: string,
  error: unknown,
): HistoryStorageError {
  const problem = `${doing} failed: ${advice(bucket, error)} (${shown(error)})`;
  return new HistoryStorageError(place, problem, { cause: error });
}

function advice(bucket: string, error: unknown): string {
  const status = statusOf(error);
  // The library asks without credentials where it finds none; with expired ones it gets no token.
  if (status === 401 || messageOf(error).includes('invalid_grant')) {
    return `there are no valid credentials for bucket ${bucket}; ${GET_CREDENTIALS}`;
  }
  if (status === 403) {
    return (
      `access to bucket ${bucket} is denied; give the account of the job the role ` +
      `Storage Object User (roles/storage.objectUser) on it`
    );
  }
  if (status === 404) {
    return `there is no bucket ${bucket}; create it, or correct the setting history`;
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

function isOfNetwork(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  const text = `${String(code)} ${messageOf(error)}`;
  return /ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOST|ENET|EPIPE|EPROTO|CERT|socket|network|time-?out|request to \S+ failed|aborted|premature close/i.test(
    text,
  );
}

/** The answer in one line without control characters: it comes from elsewhere. */
function shown(error: unknown): string {
  const text = messageOf(error)
    .replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ')
    .trim();
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
