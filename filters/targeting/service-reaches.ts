import { Reach } from './reach.js';

/** The service of what is about several. */
export const SEVERAL_SERVICES = '-';

/**
 * Reaches by service (`22/tcp`) up to a limit. Where there are more they are one reach, without
 * regard to who came first: what is put together stays so, and more services never come to fewer.
 */
export class ServiceReaches {
  readonly #limit: number;
  readonly #byService = new Map<string, Reach>();
  #together: Reach | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  static restore(limit: number, json: unknown): ServiceReaches {
    const reaches = new ServiceReaches(limit);
    for (const [service, reach] of json as readonly (readonly [string, unknown])[]) {
      reaches.add(service, Reach.restore(reach));
    }
    return reaches;
  }

  save(): readonly (readonly [string, unknown])[] {
    return this.entries().map(([service, reach]) => [service, reach.save()]);
  }

  /** `reach` is not used again. */
  add(service: string, reach: Reach): void {
    if (this.#together !== undefined) {
      this.#together.merge(reach);
      return;
    }
    const known = this.#byService.get(service);
    if (known === undefined) this.#byService.set(service, reach);
    else known.merge(reach);
    if (service === SEVERAL_SERVICES || this.#byService.size > this.#limit) this.#putTogether();
  }

  /** `from` is not used again. */
  merge(from: ServiceReaches): void {
    for (const [service, reach] of from.entries()) this.add(service, reach);
  }

  /** By service, or all under SEVERAL_SERVICES. */
  entries(): readonly (readonly [service: string, reach: Reach])[] {
    return this.#together === undefined
      ? [...this.#byService]
      : [[SEVERAL_SERVICES, this.#together]];
  }

  #putTogether(): void {
    const together = new Reach();
    for (const reach of this.#byService.values()) together.merge(reach);
    this.#byService.clear();
    this.#together = together;
  }
}
