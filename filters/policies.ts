import type { z } from 'zod';
import type { Reference } from '../reference/reference.js';
import type { FilterBase } from './filter.js';
import { FILTERS } from './filters.js';
import { nearestName } from './nearest-name.js';
import { gotValue } from './quote.js';

/** A filter of any shape. */
export type AnyFilter = FilterBase<unknown, unknown>;

/** A checked policy: every setting present. */
export type Policy = Readonly<Record<string, unknown>>;

/** Which policy of one filter holds for whom. Plain JSON: it travels in the graph. */
export interface FilterPlan {
  readonly id: string;
  /** For customers that are not named; null = does not run for them. */
  readonly byDefault: Policy | null;
  readonly customers: Readonly<Record<string, Policy | null>>;
}

/** Something wrong in the configuration. */
export interface Problem {
  /** `filters.policy-violation.banned[2]`. */
  readonly path: string;
  /** `expected tcp/PORT, got "tcp/99999"`. */
  readonly message: string;
}

export interface PlannedFilters {
  /** The filters that run for somebody, in the order of the registry. */
  readonly plan: readonly FilterPlan[];
  /** Everything wrong; the plan is of no use if there is anything. */
  readonly problems: readonly Problem[];
  /** Customers that `policies` names, for a check against the customer table. */
  readonly customers: readonly string[];
}

/**
 * Resolves `filters:` (for all customers) and `policies:` (a customer's settings over those, key by
 * key), as parsed from YAML. A filter runs unless it says `enabled: false`; naming it under a
 * customer enables it there, unless it says so too.
 */
export function planFilters(
  filters: unknown,
  policies: unknown,
  registry: readonly AnyFilter[] = FILTERS,
): PlannedFilters {
  const problems: Problem[] = [];
  const names = registry.map(({ id }) => id);
  const defaults = settingsByFilter(filters, 'filters', names, problems);
  const byCustomer = new Map<string, ReadonlyMap<string, Settings>>();
  for (const [customer, value] of entriesOf(policies, 'policies', 'customers', problems)) {
    byCustomer.set(customer, settingsByFilter(value, `policies.${customer}`, names, problems));
  }
  const plan: FilterPlan[] = [];
  for (const filter of registry) {
    const shared = defaults.get(filter.id);
    const base = shared ?? NO_SETTINGS;
    const parsed = parsePolicy(filter, base.values, base.path, problems);
    const customers: [string, Policy | null][] = [];
    for (const [customer, settings] of byCustomer) {
      const own = settings.get(filter.id);
      if (own === undefined) continue;
      const alone = parsePolicy(filter, own.values, own.path, problems);
      if (own.enabled === false) {
        customers.push([customer, null]);
      } else if (alone !== undefined && parsed !== undefined) {
        const merged = { ...base.values, ...own.values };
        const policy = parsePolicy(filter, merged, own.path, problems);
        if (policy !== undefined) customers.push([customer, policy]);
      }
    }
    const byDefault = base.enabled === false ? null : (parsed ?? null);
    if (byDefault === null && customers.every(([, policy]) => policy === null)) continue;
    plan.push({ id: filter.id, byDefault, customers: Object.fromEntries(customers) });
  }
  return { plan, problems, customers: [...byCustomer.keys()] };
}

/** A filter's prepared policies over one snapshot, one a distinct policy, made when first asked for. */
export interface PreparedPolicies {
  /** undefined = the filter does not run for that customer. */
  forCustomer(id: string): { readonly prepared: unknown } | undefined;
  /** By the filter's own defaults: to count what others are judged by. */
  forAnybody(): { readonly prepared: unknown };
  /** For each of a batch's customers; remembered by the list, which batches share. */
  forCustomers(ids: readonly string[]): readonly ({ readonly prepared: unknown } | undefined)[];
}

/** Prepares the policies of a plan for one snapshot. Keep it as long as the snapshot. */
export function preparePolicies(
  filter: AnyFilter,
  plan: FilterPlan,
  reference: Reference,
): PreparedPolicies {
  const byPolicy = new Map<string, { readonly prepared: unknown }>();
  const prepare = (policy: Policy | null): { readonly prepared: unknown } | undefined => {
    if (policy === null) return undefined;
    const key = JSON.stringify(policy);
    const known = byPolicy.get(key);
    if (known !== undefined) return known;
    const made = { prepared: filter.prepare(policy, reference) };
    byPolicy.set(key, made);
    return made;
  };
  const named = new Map(
    Object.entries(plan.customers).map(
      ([id, policy]) => [id, once(() => prepare(policy))] as const,
    ),
  );
  const unnamed = once(() => prepare(plan.byDefault));
  const forCustomer: PreparedPolicies['forCustomer'] = (id) => (named.get(id) ?? unnamed)();
  const anybody = once(() => ({
    prepared: filter.prepare(filter.policy.parse({}), reference),
  }));
  const lists = new WeakMap<readonly string[], ReturnType<PreparedPolicies['forCustomers']>>();
  return {
    forCustomer,
    forAnybody: anybody,
    forCustomers(ids) {
      let list = lists.get(ids);
      // The dictionary of a window that fires again is the same array, which has grown.
      if (list === undefined || list.length < ids.length) {
        list = ids.map(forCustomer);
        lists.set(ids, list);
      }
      return list;
    },
  };
}

/** Calls `make` when first asked. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

interface Settings {
  readonly path: string;
  readonly enabled: boolean | undefined;
  readonly values: Policy;
}

const NO_SETTINGS: Settings = { path: 'filters', enabled: undefined, values: {} };

function settingsByFilter(
  value: unknown,
  path: string,
  names: readonly string[],
  problems: Problem[],
): ReadonlyMap<string, Settings> {
  const found = new Map<string, Settings>();
  for (const [name, given] of entriesOf(value, path, 'filters', problems)) {
    const at = `${path}.${name}`;
    if (!names.includes(name)) {
      problems.push({ path: at, message: `no filter has this name; ${expectedName(name, names)}` });
      continue;
    }
    const settings = mapping(given, at, 'settings', problems);
    if (settings === undefined) continue;
    const { enabled, ...values } = settings;
    if (enabled !== undefined && typeof enabled !== 'boolean') {
      problems.push({
        path: `${at}.enabled`,
        message: `expected true or false, ${gotValue(enabled)}`,
      });
      continue;
    }
    found.set(name, { path: at, enabled, values });
  }
  return found;
}

function entriesOf(
  value: unknown,
  path: string,
  of: string,
  problems: Problem[],
): [string, unknown][] {
  return Object.entries(mapping(value, path, of, problems) ?? {});
}

/** A mapping, where nothing at all is an empty one (`known-bad-remote:` alone in a line). */
function mapping(
  value: unknown,
  path: string,
  of: string,
  problems: Problem[],
): Readonly<Record<string, unknown>> | undefined {
  if (value === undefined || value === null) return {};
  if (typeof value === 'object' && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  const hint = typeof value === 'boolean' ? ` (to switch it: enabled: ${String(value)})` : '';
  problems.push({ path, message: `expected a mapping of ${of}, ${gotValue(value)}${hint}` });
  return undefined;
}

function parsePolicy(
  filter: AnyFilter,
  values: Policy,
  path: string,
  problems: Problem[],
): Policy | undefined {
  const result = filter.policy.safeParse(values);
  if (result.success) return result.data as Policy;
  for (const issue of result.error.issues) {
    problems.push(...problemsOf(issue, values, path, filter));
  }
  return undefined;
}

function problemsOf(
  issue: z.core.$ZodIssue,
  values: Policy,
  path: string,
  filter: AnyFilter,
): Problem[] {
  const at = pathText(path, issue.path);
  if (issue.code === 'unrecognized_keys') {
    // Every setting has its default, so the defaults name them all.
    const names = ['enabled', ...Object.keys(filter.policy.parse({}) as Policy)];
    return issue.keys.map((key) => ({
      path: `${at}.${key}`,
      message: `no setting of ${filter.id} has this name; ${expectedName(key, names)}`,
    }));
  }
  return [{ path: at, message: `${issue.message}, ${gotValue(valueAt(values, issue.path))}` }];
}

function expectedName(name: string, names: readonly string[]): string {
  const near = nearestName(name, names);
  return near === undefined
    ? `expected one of ${names.join(', ')}`
    : `did you mean ${JSON.stringify(near)}?`;
}

/** `filters.x.banned[2]`. */
function pathText(start: string, keys: readonly PropertyKey[]): string {
  return keys.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : `${text}.${String(key)}`),
    start,
  );
}

function valueAt(value: unknown, keys: readonly PropertyKey[]): unknown {
  return keys.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null
        ? (inner as Readonly<Record<PropertyKey, unknown>>)[key]
        : undefined,
    value,
  );
}
