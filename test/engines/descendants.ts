import { readdirSync, readFileSync } from 'node:fs';

/** Processes that `ancestor` started, and those that these did; none without one. Linux. */
export function descendantsOf(ancestor: number | undefined): number[] {
  if (ancestor === undefined) return [];
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(name)) continue;
    const parent = parentOf(name);
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const found: number[] = [];
  const below = (pid: number): void => {
    for (const child of children.get(pid) ?? []) {
      found.push(child);
      below(child);
    }
  };
  below(ancestor);
  return found;
}

function parentOf(pid: string): number | undefined {
  try {
    // After the name, which may hold anything: state, then the parent.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    // It has ended meanwhile.
    return undefined;
  }
}
