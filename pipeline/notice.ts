/** Something that the operator of the job should know; never a statement about a customer's risk. */
export interface Notice {
  /** `sensor-stopped`, `sensor-started`, `sensor-rate-changed`, `feed-error`, `history-kept`, ... */
  readonly kind: string;
  /** UTC day that it is about, `2025-03-03`. */
  readonly day: string;
  /** What it is about: a sensor, a feed. */
  readonly subject: string;
  /** One sentence. */
  readonly message: string;
}
