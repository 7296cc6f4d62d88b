import type { z } from 'zod';
import type { Confidence } from '../pipeline/codes.js';
import type { Evidence, Finding, Severity } from '../pipeline/finding.js';
import type { Reference } from '../reference/reference.js';
import type { Conversation } from './conversation.js';

/** Columns that joinReference fills with ids; 0 = no entry. */
export type IdColumn = 'remoteTags' | 'remoteEndpointTags' | 'remoteService' | 'remoteCountry';

/** What all filters have. Filters know nothing of Beam. */
export interface FilterBase<Policy, Prepared> {
  /** File = id = name in configuration, findings and metrics. */
  readonly id: string;
  /** Wants attempts and answers too, not only established conversations. */
  readonly attempts: boolean;
  /** More records can never undo a detection, so it may fire in early panes. */
  readonly early: boolean;
  /** Weighs everybody against everybody: judged every so often and not with every window. */
  readonly gradual?: true;
  /** Object schema; `{}` parses to the defaults. */
  readonly policy: z.ZodType<Policy>;
  /** One sentence of documentation, rendered from the policy in force. */
  describe(policy: Policy): string;
  /** Once a policy and snapshot. */
  prepare(policy: Policy, reference: Reference): Prepared;
  /** Severity that evidence gives by itself, where it does: asked again when a suppression took some. */
  severityOf?(evidence: readonly Evidence[]): Severity;
  /** One sentence for the analyst, from the finished finding (its own `summary` is still empty). */
  summarize(finding: Finding): string;
}

/**
 * A risk that one conversation can show.
 *
 * `Policy` is what a customer may set, checked by its zod schema, in which every setting has its
 * default; `Prepared` is what `detect` needs of it for one snapshot, made once.
 */
export interface ConversationFilter<Policy = unknown, Prepared = unknown> extends FilterBase<
  Policy,
  Prepared
> {
  readonly shape: 'conversation';
  /**
   * At least one of these is not 0 in any row that can hit; the runner skips all other rows, which
   * is nearly all of them, for 2 ns each. Absent = any row may hit.
   */
  readonly needsOneOf?: readonly IdColumn[];
  /** At most one detection: that of the most specific indicator. Allocates only on a hit. */
  detect(conversation: Conversation, prepared: Prepared): Detection | undefined;
}

/** What only the filter knows; whoever runs it adds id, customer, addresses, times and counts. */
export interface Detection {
  readonly severity: Severity;
  readonly confidence: Confidence;
  /** The most specific matched value, normalised, without the feed. */
  readonly indicator: string;
  /** At least one. */
  readonly evidence: readonly Evidence[];
}

/** Keeps the types of a filter's policy and prepared form together while it is declared. */
export function defineFilter<Policy, Prepared>(
  filter: Omit<ConversationFilter<Policy, Prepared>, 'shape'>,
): ConversationFilter<Policy, Prepared> {
  return { ...filter, shape: 'conversation' };
}
