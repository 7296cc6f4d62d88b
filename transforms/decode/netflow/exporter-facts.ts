import type { DomainState, ExporterState } from './exporter-state.js';
import { FIELD } from './field.js';
import type { RecordValues } from './record-values.js';
import type { TemplateVersion } from './template.js';

/** What a 32-bit column holds; no exporter samples more rarely. */
const MAX_RATE = 0xffffffff;

/** What a record of options tells of its exporter; one object for all. */
export class ExporterFacts {
  /** Id of the sampler or selector that has the rate; -1 = none is named. */
  sampler = -1;
  /** 1 in N; 0 = not told. */
  samplingRate = 0;
  /** Ms since 1970 UTC; 0 = not told. */
  systemInitMs = 0;

  read(values: RecordValues, has: Uint8Array): void {
    this.sampler = samplerOf(values, has);
    this.samplingRate = samplingRateOf(values, has);
    const init = FIELD.systemInitMilliseconds;
    this.systemInitMs = has[init] === 1 ? values.numbers[init] : 0;
  }

  /** Whether they add to what is known. */
  areNewTo(domain: DomainState | undefined): boolean {
    if (this.systemInitMs > 0 && this.systemInitMs !== domain?.systemInitMs) return true;
    if (this.samplingRate === 0) return false;
    const known = this.sampler < 0 ? domain?.samplingRate : domain?.samplers.get(this.sampler);
    return this.samplingRate !== known;
  }

  addTo(state: ExporterState, version: TemplateVersion, domain: number): void {
    if (this.systemInitMs > 0) state.setSystemInit(version, domain, this.systemInitMs);
    if (this.samplingRate === 0) return;
    if (this.sampler < 0) state.setSamplingRate(version, domain, this.samplingRate);
    else state.setSampler(version, domain, this.sampler, this.samplingRate);
  }
}

/** Id of the sampler (NetFlow v9) or selector (IPFIX) that a record names; -1 = none. */
export function samplerOf({ numbers }: RecordValues, has: Uint8Array): number {
  if (has[FIELD.selectorId] === 1) return numbers[FIELD.selectorId];
  return has[FIELD.samplerId] === 1 ? numbers[FIELD.samplerId] : -1;
}

/** The sampling rate that a record itself tells, 1 in N; 0 = none (RFC 3954 section 8, RFC 5477 section 8.2). */
export function samplingRateOf({ numbers }: RecordValues, has: Uint8Array): number {
  let rate = 0;
  if (has[FIELD.samplerInterval] === 1) rate = numbers[FIELD.samplerInterval];
  else if (has[FIELD.samplingInterval] === 1) rate = numbers[FIELD.samplingInterval];
  else if (has[FIELD.packetInterval] === 1) {
    const taken = numbers[FIELD.packetInterval];
    const left = has[FIELD.packetSpace] === 1 ? numbers[FIELD.packetSpace] : 0;
    rate = (taken + left) / taken;
  } else if (has[FIELD.samplingPopulation] === 1 && has[FIELD.samplingSize] === 1) {
    rate = numbers[FIELD.samplingPopulation] / numbers[FIELD.samplingSize];
  } else if (has[FIELD.samplingProbability] === 1) {
    rate = 1 / numbers[FIELD.samplingProbability];
  }
  rate = Math.round(rate);
  // Written so that NaN fails too.
  return rate >= 1 && rate <= MAX_RATE ? rate : 0;
}
