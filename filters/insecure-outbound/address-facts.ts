import type { InventoryEvidence } from '../../pipeline/finding.js';
import { Tally, type TallyJson } from '../tally.js';
import type { NamedRemote } from './remote-volumes.js';
import { restoreSession, saveSession, type Session, type SessionJson } from './session.js';

/** An address with an insecure service that may be worth a finding. */
export interface AddressFacts {
  /** Its insecure services, the gravest first. */
  readonly services: readonly InventoryEvidence[];
  /** All that it sent as a client, scaled. */
  readonly outBytes: number;
  /** To whom, most bytes first; empty where it sent less than the limit. */
  readonly remotes: readonly NamedRemote[];
  /** Whether those are all. */
  readonly allRemotes: boolean;
  /** Of its outbound conversations. */
  readonly outbound: Tally;
  /** Sessions that look like a shell, longest first. */
  readonly shells: readonly NamedSession[];
}

/** A session and whose it is. */
export interface NamedSession extends Session {
  readonly remote: string;
  readonly remotePort: number;
  /** `23/tcp`. */
  readonly service: string;
}

/** Facts as plain JSON. */
export interface AddressFactsJson extends Omit<AddressFacts, 'outbound' | 'shells'> {
  readonly outbound: TallyJson;
  readonly shells: readonly (SessionJson & Omit<NamedSession, keyof Session>)[];
}

export function saveFacts(facts: AddressFacts): AddressFactsJson {
  return {
    ...facts,
    outbound: facts.outbound.save(),
    shells: facts.shells.map((shell) => ({ ...shell, ...saveSession(shell) })),
  };
}

export function restoreFacts(json: AddressFactsJson): AddressFacts {
  return {
    ...json,
    outbound: Tally.restore(json.outbound),
    shells: json.shells.map((shell) => ({ ...shell, ...restoreSession(shell) })),
  };
}

/** `23/tcp` of the entry `198.51.100.10:23/tcp`. */
export function servicePort({ entry }: InventoryEvidence): string {
  return entry.slice(entry.lastIndexOf(':') + 1);
}
