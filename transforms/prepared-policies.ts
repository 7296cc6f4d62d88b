import {
  preparePolicies,
  type AnyFilter,
  type FilterPlan,
  type PreparedPolicies,
} from '../filters/policies.js';
import type { Reference } from '../reference/reference.js';

/** Prepared policies by snapshot, kept across bundles: they are many and preparing is not free. */
const prepared = new WeakMap<Reference, Map<string, PreparedPolicies>>();

/** The policies of a plan over a snapshot; `planKey` is the plan's JSON, made once a bundle. */
export function preparedFor(
  filter: AnyFilter,
  plan: FilterPlan,
  planKey: string,
  reference: Reference,
): PreparedPolicies {
  let plans = prepared.get(reference);
  if (plans === undefined) {
    plans = new Map();
    prepared.set(reference, plans);
  }
  let policies = plans.get(planKey);
  if (policies === undefined) {
    policies = preparePolicies(filter, plan, reference);
    plans.set(planKey, policies);
  }
  return policies;
}
