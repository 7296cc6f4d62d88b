/** The manifest of a snapshot: what it was made of and which files it consists of. */
import { readFile, stat } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/** Grows when tables, readers or rules change what the same feeds compile to. */
export const SNAPSHOT_FORMAT = 2;

export const MANIFEST_FILE = 'manifest.json';
export const LATEST_FILE = 'latest';

const version = z.string().regex(/^[0-9a-f]{16}$/);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().min(0);
const byReason = z.record(z.string(), count);

const rejectSample = z.strictObject({
  file: z.string(),
  line: count,
  reason: z.string(),
  /** At most 200 bytes of the line, printable. */
  sample: z.string(),
});

const feedReport = z.strictObject({
  name: z.string(),
  kind: z.string(),
  category: z.string().optional(),
  format: z.string(),
  /** As configured. */
  uri: z.string(),
  /** Time of the newest file; of a fetched feed when its source last said that it is as it is. */
  fetchedAt: z.string(),
  sha256,
  /** What evidence names: the first 16 digits of `sha256`. */
  version,
  files: count,
  /** read = kept + notApplicable + all rejected + all held back. */
  read: count,
  kept: count,
  notApplicable: count,
  rejected: byReason,
  heldBack: byReason,
  /** Kept all the same: `host-bits`, `bad-time`, `country-conflict`. */
  notes: byReason,
  /** The first rejected and held-back lines. */
  samples: z.array(rejectSample).max(100),
  /** Names, sizes and times by which a change is suspected. */
  fingerprint: z.string(),
});

const tableName = z.enum(['customers', 'tags', 'countries', 'inventory', 'routed', 'coverage']);
export type TableName = z.infer<typeof tableName>;

const manifestSchema = z.strictObject({
  format: z.literal(SNAPSHOT_FORMAT),
  version,
  feeds: z.array(feedReport),
  tables: z.partialRecord(
    tableName,
    z.strictObject({ file: z.string().regex(/^[a-z]+\.table$/), bytes: count, sha256 }),
  ),
});

export type RejectSample = z.infer<typeof rejectSample>;
export type FeedReport = z.infer<typeof feedReport>;
export type Manifest = z.infer<typeof manifestSchema>;

/** What travels through the graph: which snapshot, and the directory that holds its versions. */
export interface ManifestRef {
  readonly version: string;
  readonly directory: string;
}

/** A snapshot directory without a usable snapshot. */
export class SnapshotError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SnapshotError';
  }
}

/** Throws a SnapshotError quoting the first thing that is wrong. */
function parseManifest(text: string, path: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SnapshotError(`${path}: no JSON: ${(cause as Error).message}`, { cause });
  }
  const format = (value as { format?: unknown } | null)?.format;
  if (format !== SNAPSHOT_FORMAT) {
    throw new SnapshotError(
      `${path}: format ${JSON.stringify(format)}, expected ${SNAPSHOT_FORMAT}: build the snapshot again`,
    );
  }
  const parsed = manifestSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new SnapshotError(`${path}: ${issue.path.join('.')}: ${issue.message}`);
}

/** Version named by `latest`; undefined where there is none. */
export async function latestVersion(directory: string): Promise<string | undefined> {
  let text: string;
  try {
    text = (await readFile(join(directory, LATEST_FILE), 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return version.safeParse(text).success ? text : undefined;
}

/** Manifest of a snapshot directory's latest version, or of a version's own directory. Throws a SnapshotError where there is none. */
export async function readManifest(directory: string): Promise<Manifest> {
  const own = join(directory, MANIFEST_FILE);
  if (await exists(own)) return parseManifest(await readFile(own, 'utf8'), own);
  const latest = await latestVersion(directory);
  if (latest === undefined) throw new SnapshotError(`no snapshot in ${directory}`);
  const path = join(directory, latest, MANIFEST_FILE);
  if (!(await exists(path))) throw new SnapshotError(`no snapshot ${latest} in ${directory}`);
  return parseManifest(await readFile(path, 'utf8'), path);
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** Manifest of the version that `ref` names. Throws a SnapshotError. */
export function readManifestOf(ref: ManifestRef): Manifest {
  const path = join(ref.directory, ref.version, MANIFEST_FILE);
  if (!version.safeParse(ref.version).success) {
    throw new SnapshotError(`snapshot version "${ref.version}", expected 16 hexadecimal digits`);
  }
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new SnapshotError(`no snapshot ${ref.version} in ${ref.directory}`, { cause });
  }
  const manifest = parseManifest(text, path);
  if (manifest.version !== ref.version) {
    throw new SnapshotError(`${path}: version ${manifest.version}, expected ${ref.version}`);
  }
  return manifest;
}
