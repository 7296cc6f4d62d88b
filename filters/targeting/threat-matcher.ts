import type { ListEvidence } from '../../pipeline/finding.js';
import { BoundedCache } from '../../reference/bounded-cache.js';
import type { Conversation } from '../conversation.js';
import { matchLists, tellingCategories } from '../list-match.js';

/** An entry that a list has of a remote, with its JSON, which is its name among others. */
export type NamedEntry = readonly [json: string, entry: ListEvidence];

export interface ThreatMatch {
  readonly indicator: string;
  readonly entries: readonly NamedEntry[];
}

/** Tag sets whose match is remembered. */
const REMEMBERED = 10_000;

/**
 * List matches of remotes under one policy and snapshot. Where attempts count, listed remotes are
 * not rare (scanners are what lists are made of), so the match of a tag set is made once.
 */
export class ThreatMatcher {
  readonly #mask: number;
  readonly #wanted: ReadonlySet<string>;
  /** By `remoteTags`. */
  readonly #ofAddress = new BoundedCache<ThreatMatch | undefined>(REMEMBERED);

  /** `mask` (TagTable.mask) and `wanted` are the same categories. */
  constructor(mask: number, wanted: ReadonlySet<string>) {
    this.#mask = mask;
    this.#wanted = wanted;
  }

  match(conversation: Conversation): ThreatMatch | undefined {
    if ((tellingCategories(conversation) & this.#mask) === 0) return undefined;
    const { batch, row } = conversation;
    const { remoteTags, remoteEndpointTags } = batch.columns;
    // Of a shared address only entries of the exact port count, so what is remembered never is of one.
    if (remoteEndpointTags[row] !== 0) return this.#made(conversation);
    return this.#ofAddress.get(remoteTags[row], () => this.#made(conversation));
  }

  #made(conversation: Conversation): ThreatMatch | undefined {
    const match = matchLists(conversation, this.#wanted);
    return match === undefined
      ? undefined
      : {
          indicator: match.indicator,
          entries: match.evidence.map((entry) => [JSON.stringify(entry), entry]),
        };
  }
}
