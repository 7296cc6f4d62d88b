/** What a streaming job says of itself, for metrics, health and logs. A snapshot, cheap to make. */
export interface StreamStatus {
  /** Takes in and commits; false while starting, draining, or while the state cannot be written. */
  readonly ready: boolean;
  /** Why it is not, a sentence. */
  readonly problem: string | undefined;
  /** All counters of the job since the state began: `records/csv`, `rejects/csv/bad-time`, `dropped/late/...`, `findings/ID`. */
  readonly counters: ReadonlyMap<string, number>;
  readonly sources: readonly SourceStatus[];
  readonly state: StateStatus;
  readonly references: readonly ReferenceStatus[];
}

export interface SourceStatus {
  readonly name: string;
  /** Ms since 1970 UTC; null = nothing was seen yet. */
  readonly watermarkMs: number | null;
  /** Exporters that hold the watermark now. */
  readonly exporters: number;
  /** Delivered and not yet taken up. */
  readonly waitingElements: number;
  readonly waitingBytes: number;
}

export interface StateStatus {
  /** On disk, about. */
  readonly bytes: number;
  /** Groups (key and window) that are open. */
  readonly groups: number;
  /** Commits since the state began. */
  readonly commits: number;
}

export interface ReferenceStatus {
  /** Version of the snapshot in use. */
  readonly version: string;
  /** By feed: when its newest file was fetched, ms since 1970 UTC. */
  readonly feeds: readonly { readonly name: string; readonly fetchedMs: number }[];
}
