/** TCP service ports as a policy writes them: `tcp/22`, `tcp/6881-6889`. */
export interface PortRule {
  /** Normalised. */
  readonly text: string;
  /** 1..65535, both included. */
  readonly low: number;
  readonly high: number;
}

/** How ports may be written, for messages. Only TCP: nothing else reaches the filters. */
export const PORT_FORMS = 'tcp/PORT or tcp/LOW-HIGH with ports 1..65535';

/** Parses `tcp/PORT` or `tcp/LOW-HIGH`; undefined if it is none. */
export function parsePortRule(text: string): PortRule | undefined {
  const parts = /^tcp\/(\d{1,5})(?:-(\d{1,5}))?$/i.exec(text);
  if (parts === null) return undefined;
  const low = Number(parts[1]);
  const high = Number((parts[2] as string | undefined) ?? parts[1]);
  if (low < 1 || high > 65535 || low > high) return undefined;
  return { text: low === high ? `tcp/${low}` : `tcp/${low}-${high}`, low, high };
}

/** By port: 1 + the position of the narrowest rule that names it (of equal ones the first); 0 = none. */
export function portTable(rules: readonly PortRule[]): Uint16Array {
  const table = new Uint16Array(65536);
  const widestFirst = rules
    .map((rule, position) => ({ rule, position }))
    .sort((a, b) => width(b.rule) - width(a.rule) || b.position - a.position);
  for (const { rule, position } of widestFirst) {
    table.fill(position + 1, rule.low, rule.high + 1);
  }
  return table;
}

function width(rule: PortRule): number {
  return rule.high - rule.low;
}
