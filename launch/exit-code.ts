/** What the process ends with. */
export const EXIT = {
  /** The command did what it was asked to. */
  ran: 0,
  /** It failed while it ran. */
  failed: 1,
  /** The command line or the configuration is wrong; nothing ran. */
  configuration: 2,
} as const;
