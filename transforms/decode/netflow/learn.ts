import { ExporterFacts } from './exporter-facts.js';
import type { ExporterState } from './exporter-state.js';
import { isPadding, SET_HEADER, type MessageHeader } from './message.js';
import type { RecordValues } from './record-values.js';
import { parseTemplate, type Template } from './template.js';

/** Whoever learns from an exporter's datagrams: a decoder within one chunk, a collector for good. */
export interface Learner {
  readonly state: ExporterState;
  /** The state to be changed; asked for before each change, and only then. */
  toChange(): ExporterState;
}

/**
 * Learns the template records of the set at `set` to `next`. Says of each whether it is bad; behind
 * one whose end cannot be told the rest of the set belongs to it.
 */
export function learnTemplates(
  bytes: Uint8Array,
  view: DataView,
  set: number,
  next: number,
  { version, domain }: MessageHeader,
  options: boolean,
  learner: Learner,
  onRecord: (bad: boolean, start: number, end: number) => void,
): void {
  for (let at = set + SET_HEADER; at < next && !isPadding(view, at, next);) {
    const { template, bad, end } = parseTemplate(bytes, at, next, version, options);
    const stop = end < 0 ? next : end;
    onRecord(bad, at, stop);
    if (template !== undefined && !learner.state.knows(version, domain, template)) {
      learner.toChange().addTemplate(version, domain, template);
    }
    at = stop;
  }
}

const facts = new ExporterFacts();

/** Learns what a record of options tells of the exporter. */
export function learnOptions(
  values: RecordValues,
  { has }: Template,
  { version, domain }: MessageHeader,
  learner: Learner,
): void {
  facts.read(values, has);
  if (facts.areNewTo(learner.state.domain(version, domain))) {
    facts.addTo(learner.toChange(), version, domain);
  }
}
