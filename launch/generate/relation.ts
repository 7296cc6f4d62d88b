import type { Label } from './label.js';
import type { Contact, Planted, PlantedLabel, Planting, Scenario } from './planting.js';
import { serviceText } from './planting.js';
import type { Random } from './random.js';
import {
  backscatter,
  datagrams,
  established,
  halfOpen,
  refused,
  unanswered,
  type Exchange,
} from './traffic.js';

/** One customer address and one remote, for the risks that one conversation can show. */
export interface Relation extends Contact {
  /** '' for near-misses. */
  readonly indicator: string;
  /** What other filters should make of it. */
  readonly also?: readonly OtherLabel[];
  exchange(random: Random): Exchange;
}

/** A label of another filter about the same conversations. */
export type OtherLabel = Pick<Label, 'filter' | 'expect' | 'customerAddress' | 'indicator'>;

type PlantRelation = (context: Planting) => Relation;

/** A risk that must be found. */
export function risk(filter: string, id: string, plant: PlantRelation): Scenario {
  return relation(filter, id, 'finding', plant);
}

/** What resembles a risk and must not fire. */
export function nearMiss(filter: string, id: string, plant: PlantRelation): Scenario {
  return relation(filter, id, 'nothing', plant);
}

/** A relation that has one to four conversations, the same on each day. */
export function relation(
  filter: string,
  id: string,
  expect: Label['expect'],
  plant: PlantRelation,
): Scenario {
  return { id, filter, plant: (context) => plantRelation(filter, expect, plant(context), context) };
}

function plantRelation(
  filter: string,
  expect: Label['expect'],
  planted: Relation,
  context: Planting,
): Planted {
  const { customer, customerAddress, remoteAddress, indicator, also = [] } = planted;
  const service = serviceText(planted.serverPort, planted.protocol);
  const moments = Array.from({ length: context.random.between(1, 4) }, () => context.anyMoment());
  return {
    conversations: moments.map((at) =>
      context.conversation(planted, at, planted.exchange(context.random)),
    ),
    labels: moments.flatMap((atMs): PlantedLabel[] => {
      const who = { customer, remoteAddress, service, atMs };
      return [
        { ...who, filter, expect, customerAddress, indicator },
        ...also.map((other) => ({ ...who, ...other })),
      ];
    }),
  };
}

/** Some kilobytes each way within a minute: the smallest that is surely a conversation. */
export function talk(random: Random): Exchange {
  const up = Math.ceil(random.logNormal(1_500, 1));
  const down = Math.ceil(random.logNormal(6_000, 1.2));
  return established(random, up, down, random.between(200, 40_000));
}

/** A connection that is kept open over several windows and active time-outs. */
function stayConnected(random: Random): Exchange {
  return established(random, 60_000, 90_000, random.between(8, 25) * 60_000);
}

const udp = (random: Random): Exchange =>
  datagrams(random.between(2, 20), 120, random.between(2, 20), 300, random.between(50, 30_000));

const UDP = 17;

type Shape = Pick<Relation, 'exchange'> & { readonly protocol?: number };
export const TALK: Shape = { exchange: talk };
export const STAY: Shape = { exchange: stayConnected };
/** Everything that is not an established TCP conversation the customer began. */
export const NO_CONVERSATION = {
  unanswered: { exchange: unanswered },
  refused: { exchange: refused },
  'half-open': { exchange: halfOpen },
  udp: { exchange: udp, protocol: UDP },
  'syn-ack-alone': { exchange: backscatter },
} as const satisfies Readonly<Record<string, Shape>>;
type NoConversation = keyof typeof NO_CONVERSATION;

/** One near-miss a way of not having a conversation with a remote that would be a risk. */
export function withoutConversation(
  filter: string,
  ways: readonly NoConversation[],
  plant: (context: Planting) => Omit<Relation, 'exchange' | 'indicator' | 'role'>,
): readonly Scenario[] {
  return ways.map((way) =>
    nearMiss(filter, way, (context) => ({
      ...plant(context),
      role: 'client',
      indicator: '',
      ...NO_CONVERSATION[way],
    })),
  );
}
