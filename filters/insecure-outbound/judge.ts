import { REASON_CONFIDENCE } from '../../pipeline/codes.js';
import type { Confidence } from '../../pipeline/codes.js';
import type { HistoryEvidence, TargetsEvidence } from '../../pipeline/finding.js';
import type { History } from '../../history/history.js';
import type { GroupDetection } from '../group-filter.js';
import type { Tally } from '../tally.js';
import { servicePort, type AddressFacts, type NamedSession } from './address-facts.js';
import type { Limits } from './address-state.js';
import type { KindVolumes } from './kind-members.js';
import type { NamedRemote } from './remote-volumes.js';
import {
  FAR_OUT,
  historyPart,
  lengthPart,
  scoreOf,
  servicePart,
  severityOfScore,
  sizePart,
  strangenessPart,
  volumePart,
} from './score.js';
import { durationMs, sessionBytes, windowsSpanned } from './session.js';
import { historyEvidence, isStrange } from './strangeness.js';
import { addBySensor, MIN_PACKETS, mostSeen, type SensorVolume } from './volume.js';

/** Sessions of one address that become findings. */
const MAX_SHELLS = 10;

/** Services that evidence names. */
const MAX_NAMED_SERVICES = 8;

/** Strange remotes that evidence names. */
const MAX_EXAMPLES = 10;
const MAX_PORTS = 32;

/** An address under suspicion, and what it is judged by. */
export interface Suspect {
  readonly customer: string;
  readonly address: string;
  readonly facts: AddressFacts;
  readonly limits: Limits;
  /** The gravest tag of its services, and how the addresses of that kind compare. */
  readonly kind: string;
  readonly volumes: KindVolumes;
  readonly history: History | undefined;
}

/** The finding about what an address sends, if it is one. */
export function judgeOutbound(suspect: Suspect): GroupDetection | undefined {
  const { customer, address, facts, limits, kind, volumes, history } = suspect;
  const { services, outBytes, outbound: tally } = facts;
  const strangers = facts.remotes.filter((remote) => isStrange(history, customer, remote.address));
  // Added within each sensor first, then by one sensor.
  const sent = strangers.reduce<readonly SensorVolume[]>(
    (sum, remote) => addBySensor(sum, remote.sent),
    [],
  );
  const { bytes, packets } = mostSeen(sent);
  if (bytes < limits.minBytes || packets < MIN_PACKETS) return undefined;
  // What strangers got, by itself: a busy host must not fire on every new neighbour.
  const z = volumes.z(bytes);
  if (z !== undefined && z < FAR_OUT) return undefined;

  const [gravest] = services;
  const past = historyEvidence(history);
  const strange = { bytes, packets, remotes: strangers.length, all: facts.allRemotes };
  const score = scoreOf([
    servicePart(services),
    volumePart(bytes, limits.minBytes, kind, volumes),
    // Strangers may be seen best by another sensor than all remotes together.
    strangenessPart(strange, Math.max(bytes, outBytes)),
    historyPart(past),
  ]);
  return {
    severity: severityOfScore(score, past),
    confidence: outboundConfidence(past, tally),
    customer,
    subject: address,
    customerAddress: address,
    customerPort: null,
    role: 'client',
    remoteAddress: null,
    remotePort: null,
    service: servicePort(gravest),
    indicator: `outbound:${servicePort(gravest)}`,
    evidence: [...services.slice(0, MAX_NAMED_SERVICES), score, targetsOf(strangers), past],
    tally,
  };
}

/** Findings about sessions that look like a shell, at most one a remote and service. */
export function judgeShells(suspect: Suspect): GroupDetection[] {
  const { customer, facts, history } = suspect;
  const seen = new Set<string>();
  const strange = facts.shells.filter(({ remote, service }) => {
    if (!isStrange(history, customer, remote)) return false;
    // The longest comes first and stands for all.
    const key = `${remote} ${service}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return facts.services.some((known) => servicePort(known) === service);
  });
  const leftOut = Math.max(0, strange.length - MAX_SHELLS);
  return strange.slice(0, MAX_SHELLS).map((session) => shellFinding(suspect, session, leftOut));
}

function shellFinding(suspect: Suspect, session: NamedSession, leftOut: number): GroupDetection {
  const { customer, address, facts, limits, history } = suspect;
  const { remote, remotePort, service, tally } = session;
  const insecure = facts.services.filter((known) => servicePort(known) === service);
  const past = historyEvidence(history);
  const score = scoreOf([
    servicePart(insecure),
    lengthPart(
      Math.floor(durationMs(session) / 60_000),
      tally.conversations,
      windowsSpanned(session),
    ),
    sizePart(sessionBytes(session), limits.shellBytes),
    historyPart(past),
    ...(leftOut === 0
      ? []
      : [
          {
            name: 'left-out',
            value: leftOut,
            points: 0,
            note: 'shorter ones to this address, at least so many, that are no findings of their own',
          },
        ]),
  ]);
  return {
    // Whoever types at a distance with consent looks the same.
    severity: 'medium',
    confidence: 'low',
    customer,
    subject: address,
    customerAddress: address,
    customerPort: Number.parseInt(service),
    role: 'server',
    remoteAddress: remote,
    remotePort,
    service,
    indicator: `inbound:${service}`,
    evidence: [...insecure, score, past],
    tally,
  };
}

/** A score tells at medium confidence at most, and at no more than we know who the client is. */
function outboundConfidence({ days }: HistoryEvidence, { reason }: Tally): Confidence {
  return days === 0 || REASON_CONFIDENCE[reason] === 'low' ? 'low' : 'medium';
}

function targetsOf(strangers: readonly NamedRemote[]): TargetsEvidence {
  const ports = new Set(strangers.flatMap((remote) => remote.ports));
  return {
    type: 'targets',
    kind: 'strange',
    targets: strangers.length,
    examples: strangers.slice(0, MAX_EXAMPLES).map(({ address }) => address),
    ports: [...ports].sort((a, b) => a - b).slice(0, MAX_PORTS),
  };
}
