import type { GraphStep } from './graph-steps.js';

export type Renames = Readonly<Record<string, string>>;

export interface Comparison {
  /** Old name -> new name of the steps that are called otherwise now, as the service wants it. */
  readonly mapping: Renames;
  /** Why the new graph cannot go on where the running one is; none = it can, as far as can be told here. */
  readonly problems: readonly string[];
}

/**
 * Whether a graph can take over what the running one keeps. `renames` are names, or beginnings of
 * names up to a slash: `dedupe=deduplicate` also names `dedupe/group`. A new name of '' says that a
 * step is gone.
 */
export function compareGraphs(
  running: ReadonlyMap<string, GraphStep>,
  next: ReadonlyMap<string, GraphStep>,
  renames: Renames = {},
): Comparison {
  const mapping: Record<string, string> = {};
  const problems: string[] = [];
  const used = new Set<string>();
  const taken = new Map<string, string>();
  for (const old of running.values()) {
    const renamed = rename(old.name, renames);
    if (renamed !== undefined) used.add(renamed.rule);
    const name = renamed?.name ?? old.name;
    if (renamed !== undefined) mapping[old.name] = name;
    const step = next.get(name);
    if (step === undefined) {
      if (name !== '') problems.push(missing(old, name));
      else if (old.keeps !== 'nothing')
        problems.push(`"${old.name}" is gone, with the ${old.keeps} that it keeps`);
      continue;
    }
    const other = taken.get(name);
    if (other !== undefined)
      problems.push(`"${old.name}" and "${other}" are both called "${name}" now`);
    taken.set(name, old.name);
    if (step.urn !== old.urn) {
      problems.push(`"${old.name}" was ${old.urn} and is ${step.urn}`);
    } else if (step.form !== old.form) {
      problems.push(
        `"${old.name}" has another form: ${old.form || 'nothing'} before, ${step.form || 'nothing'} now`,
      );
    }
  }
  for (const rule of Object.keys(renames)) {
    if (!used.has(rule))
      problems.push(`the running job has no step "${rule}" that could be renamed`);
  }
  return { mapping, problems };
}

function missing({ name, keeps }: GraphStep, looked: string): string {
  const what = keeps === 'nothing' ? '' : `, which keeps ${keeps}`;
  const as = looked === name ? '' : ` (as "${looked}")`;
  return `there is no step for "${name}"${as}${what}`;
}

/** The longest rule that names it. */
function rename(name: string, renames: Renames): { rule: string; name: string } | undefined {
  for (let at = name.length; at > 0; at = name.lastIndexOf('/', at - 1)) {
    const rule = name.slice(0, at);
    if (!Object.hasOwn(renames, rule)) continue;
    const to = renames[rule];
    return { rule, name: to === '' ? '' : `${to}${name.slice(at)}` };
  }
  return undefined;
}
