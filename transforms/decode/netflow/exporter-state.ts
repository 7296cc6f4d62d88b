import { parseTemplate, sameTemplate, type Template, type TemplateVersion } from './template.js';

/** Hostile exporters have any number; a router has a domain a line card. */
const MAX_DOMAINS = 64;
/** Of all templates of an exporter, in bytes of their records: about 8,000 fields. */
const MAX_TEMPLATE_BYTES = 32 * 1024;
const MAX_SAMPLERS = 64;

/** What an exporter told of one observation domain (IPFIX) or source id (NetFlow v9). */
export class DomainState {
  readonly version: TemplateVersion;
  readonly id: number;
  readonly templates = new Map<number, Template>();
  /** Sampling rate, 1 in N, by the sampler's or selector's id. */
  readonly samplers = new Map<number, number>();
  /** Of records that name no sampler; 0 = not told. */
  samplingRate = 0;
  /** When its uptime began, ms since 1970 UTC; 0 = not told. */
  systemInitMs = 0;

  constructor(version: TemplateVersion, id: number) {
    this.version = version;
    this.id = id;
  }

  copy(): DomainState {
    const copy = new DomainState(this.version, this.id);
    for (const [id, template] of this.templates) copy.templates.set(id, template);
    for (const [id, rate] of this.samplers) copy.samplers.set(id, rate);
    copy.samplingRate = this.samplingRate;
    copy.systemInitMs = this.systemInitMs;
    return copy;
  }
}

/**
 * All that is needed to decode an exporter's datagrams, and no more: its templates, sampling rates
 * and start, by version and domain. Bounded; what is told first goes first. As text it travels with
 * each chunk and is what a restart begins with.
 */
export class ExporterState {
  /** The exporter's address. */
  readonly exporter: string;
  /** Templates, samplers and domains that had to go. */
  evicted = 0;
  readonly #domains = new Map<string, DomainState>();
  #templateBytes = 0;

  constructor(exporter: string) {
    this.exporter = exporter;
  }

  domain(version: TemplateVersion, id: number): DomainState | undefined {
    return this.#domains.get(`${version}/${id}`);
  }

  copy(): ExporterState {
    const copy = new ExporterState(this.exporter);
    for (const [key, domain] of this.#domains) copy.#domains.set(key, domain.copy());
    copy.#templateBytes = this.#templateBytes;
    return copy;
  }

  /** Whether it is already known as it is. */
  knows(version: TemplateVersion, id: number, template: Template): boolean {
    const known = this.domain(version, id)?.templates.get(template.id);
    return known !== undefined && sameTemplate(known, template);
  }

  addTemplate(version: TemplateVersion, id: number, template: Template): void {
    const domain = this.#domainToChange(version, id);
    const known = domain.templates.get(template.id);
    if (known !== undefined) this.#removeTemplate(domain, known);
    domain.templates.set(template.id, template);
    this.#templateBytes += template.record.length;
    for (const other of this.#domains.values()) {
      for (const old of other.templates.values()) {
        if (this.#templateBytes <= MAX_TEMPLATE_BYTES) return;
        if (old === template) continue;
        this.#removeTemplate(other, old);
        this.evicted++;
      }
    }
  }

  setSampler(version: TemplateVersion, id: number, sampler: number, rate: number): void {
    const { samplers } = this.#domainToChange(version, id);
    samplers.set(sampler, rate);
    if (samplers.size <= MAX_SAMPLERS) return;
    for (const oldest of samplers.keys()) {
      samplers.delete(oldest);
      this.evicted++;
      break;
    }
  }

  setSamplingRate(version: TemplateVersion, id: number, rate: number): void {
    this.#domainToChange(version, id).samplingRate = rate;
  }

  setSystemInit(version: TemplateVersion, id: number, ms: number): void {
    this.#domainToChange(version, id).systemInitMs = ms;
  }

  #domainToChange(version: TemplateVersion, id: number): DomainState {
    const key = `${version}/${id}`;
    let domain = this.#domains.get(key);
    if (domain === undefined) {
      domain = new DomainState(version, id);
      this.#domains.set(key, domain);
      if (this.#domains.size > MAX_DOMAINS) this.#removeOldestDomain();
    }
    return domain;
  }

  #removeOldestDomain(): void {
    for (const [key, oldest] of this.#domains) {
      for (const template of oldest.templates.values()) this.#removeTemplate(oldest, template);
      this.#domains.delete(key);
      this.evicted++;
      return;
    }
  }

  #removeTemplate(domain: DomainState, template: Template): void {
    domain.templates.delete(template.id);
    this.#templateBytes -= template.record.length;
  }

  /** As text, which `parseExporterState` reads. */
  toText(): string {
    const domains: DomainText[] = [];
    for (const {
      version,
      id,
      templates,
      samplers,
      samplingRate,
      systemInitMs,
    } of this.#domains.values()) {
      domains.push({
        version,
        id,
        templates: [...templates.values()].map(({ options, record }) => [
          options ? 1 : 0,
          Buffer.from(record).toString('base64'),
        ]),
        samplers: [...samplers],
        samplingRate,
        systemInitMs,
      });
    }
    return JSON.stringify({ exporter: this.exporter, domains });
  }
}

interface DomainText {
  readonly version: TemplateVersion;
  readonly id: number;
  /** Whether of options, and the template record in base64. */
  readonly templates: readonly (readonly [options: 0 | 1, record: string])[];
  readonly samplers: readonly (readonly [id: number, rate: number])[];
  readonly samplingRate: number;
  readonly systemInitMs: number;
}

/** Reads what `toText` wrote. Throws a RangeError that says what is wrong with other text. */
export function parseExporterState(text: string): ExporterState {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new RangeError('exporter state is no JSON', { cause });
  }
  const { exporter, domains } = recordOf(value);
  if (typeof exporter !== 'string') throw new RangeError('exporter state lacks its exporter');
  const state = new ExporterState(exporter);
  for (const item of listOf(domains)) {
    const domain = recordOf(item);
    const version = numberOf(domain['version']);
    if (version !== 9 && version !== 10) throw new RangeError(`templates of version ${version}`);
    const id = numberOf(domain['id']);
    for (const pair of listOf(domain['templates'])) {
      const [options, record] = listOf(pair);
      const bytes = Buffer.from(typeof record === 'string' ? record : '', 'base64');
      const { template } = parseTemplate(bytes, 0, bytes.length, version, options === 1);
      if (template === undefined) throw new RangeError(`bad template of ${bytes.length} bytes`);
      state.addTemplate(version, id, template);
    }
    for (const pair of listOf(domain['samplers'])) {
      const [sampler, rate] = listOf(pair);
      state.setSampler(version, id, numberOf(sampler), numberOf(rate));
    }
    state.setSamplingRate(version, id, numberOf(domain['samplingRate']));
    state.setSystemInit(version, id, numberOf(domain['systemInitMs']));
  }
  return state;
}

function recordOf(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) {
    throw new RangeError(`exporter state holds ${String(value)}`);
  }
  return value as Record<string, unknown>;
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new RangeError(`exporter state holds ${typeof value}, no list`);
  return value as readonly unknown[];
}

function numberOf(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
    throw new RangeError(`exporter state holds ${typeof value}, no count`);
  }
  return value;
}
