import { labelKey, type Label } from './label.js';
import { Planting, type PlantedConversation, type PlantingTimes } from './planting.js';
import type { Random } from './random.js';
import type { ReferenceEntries } from './reference-files.js';
import { SCENARIOS } from './scenarios/scenarios.js';
import type { Sensor } from './topology.js';

export interface PlantOptions extends PlantingTimes {
  /** Instances of each scenario. */
  readonly instances: number;
  /** Whether there are days before: scenarios that differ from them are planted only then. */
  readonly history: boolean;
}

export interface PlantedTraffic {
  readonly labels: readonly Label[];
  /** By start, which is that of the judged day. */
  readonly conversations: readonly PlantedConversation[];
}

/** Plants all scenarios. Fills `entries`. Throws a RangeError where a block has too few addresses. */
export function plantAll(
  random: Random,
  entries: ReferenceEntries,
  options: PlantOptions,
): PlantedTraffic {
  const { instances, history } = options;
  const labels = new Map<string, Label>();
  const conversations: PlantedConversation[] = [];
  for (let turn = 0; turn < instances; turn++) {
    SCENARIOS.forEach((scenario, number) => {
      if (scenario.needsHistory === true && !history) return;
      const planted = scenario.plant(new Planting(random, entries, turn + number, options));
      conversations.push(...planted.conversations);
      for (const { atMs, ...rest } of planted.labels) {
        const label = { ...rest, scenario: scenario.id, day: utcDay(atMs) };
        // A relation that was repeated on one day is one label.
        labels.set(`${labelKey(label)} ${scenario.id}`, label);
      }
    });
  }
  conversations.sort((a, b) => a.startMs - b.startMs);
  return { labels: [...labels.values()], conversations };
}

/**
 * Labels that say that sensors which come, go or change their rate are no change of any customer's
 * traffic.
 */
export function sensorLabels(sensors: readonly Sensor[], startMs: number): readonly Label[] {
  return sensors.flatMap(({ id, samplingRate, customers, only }) => {
    if (only === undefined || customers === undefined) return [];
    return customers.map((customer): Label => ({
      expect: 'nothing',
      scenario: only === 'judged-day' ? 'sensor-starts' : 'sensor-stops',
      filter: 'volume-change',
      customer,
      customerAddress: null,
      remoteAddress: null,
      service: '-',
      indicator: '',
      subject: `sensor:${id} 1/${samplingRate}`,
      day: utcDay(startMs),
    }));
  });
}

/** `2025-03-03`. */
export function utcDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
