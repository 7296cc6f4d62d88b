/** Times in the five fields of cron, as Cloud Scheduler and Kubernetes take them. */

/** From `start` to `end`, every `step`; `any` = the whole field, `*`. */
interface CronRange {
  readonly start: number;
  readonly end: number;
  readonly step: number;
  readonly any: boolean;
}

export interface Cron {
  readonly text: string;
  readonly minute: readonly CronRange[];
  readonly hour: readonly CronRange[];
  readonly dayOfMonth: readonly CronRange[];
  readonly month: readonly CronRange[];
  /** 0 = Sunday ... 6. */
  readonly dayOfWeek: readonly CronRange[];
}

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** Reads `0 3 * * *`; undefined where it is none. Sunday is 0 or 7. */
export function parseCron(text: string): Cron | undefined {
  const fields = text.trim().split(/\s+/);
  if (fields.length !== 5) return undefined;
  const minute = field(fields[0], 0, 59, []);
  const hour = field(fields[1], 0, 23, []);
  const dayOfMonth = field(fields[2], 1, 31, []);
  const month = field(fields[3], 1, 12, MONTHS);
  const dayOfWeek = field(fields[4], 0, 7, DAYS);
  if (!minute || !hour || !dayOfMonth || !month || !dayOfWeek) return undefined;
  return { text: fields.join(' '), minute, hour, dayOfMonth, month, dayOfWeek };
}

function field(
  text: string,
  min: number,
  max: number,
  names: readonly string[],
): CronRange[] | undefined {
  const ranges: CronRange[] = [];
  for (const part of text.toLowerCase().split(',')) {
    const match = /^(\*|([a-z]+|[0-9]{1,2})(-([a-z]+|[0-9]{1,2}))?)(\/([0-9]{1,2}))?$/.exec(part);
    if (match === null) return undefined;
    const [, whole, first = '', , last, , every] = match as readonly (string | undefined)[];
    const step = every === undefined ? 1 : Number(every);
    const any = whole === '*';
    const start = any ? min : numberOf(first, min, names);
    // `5/10` means: from 5 on.
    const open = every === undefined ? start : max;
    const end = any ? max : last === undefined ? open : numberOf(last, min, names);
    if (!(start >= min && end <= max && start <= end && step >= 1)) return undefined;
    ranges.push({ start, end, step, any: any && step === 1 });
  }
  return ranges;
}

function numberOf(text: string, min: number, names: readonly string[]): number {
  const at = names.indexOf(text);
  if (at >= 0) return at + min;
  return /^[0-9]+$/.test(text) ? Number(text) : NaN;
}

/**
 * The same times as systemd's OnCalendar has them, one or two lines: where cron restricts days of the
 * month and of the week, either will do, and systemd would want both.
 */
export function calendarOf(cron: Cron, timeZone: string): string[] {
  const { minute, hour, dayOfMonth, month, dayOfWeek } = cron;
  const time = `${values(hour, 0, 23)}:${values(minute, 0, 59)}:00 ${timeZone}`;
  const months = values(month, 1, 12);
  const days = dayOfMonth.some(({ any }) => any) ? undefined : values(dayOfMonth, 1, 31);
  const week = dayOfWeek.some(({ any }) => any) ? undefined : weekdays(dayOfWeek);
  const lines: string[] = [];
  if (days !== undefined || week === undefined) lines.push(`*-${months}-${days ?? '*'} ${time}`);
  if (week !== undefined) lines.push(`${week} *-${months}-* ${time}`);
  return lines;
}

function expand(ranges: readonly CronRange[]): number[] {
  const all = new Set<number>();
  for (const { start, end, step } of ranges)
    for (let at = start; at <= end; at += step) all.add(at);
  return [...all].sort((a, b) => a - b);
}

function values(ranges: readonly CronRange[], min: number, max: number): string {
  const all = expand(ranges);
  if (all.length === max - min + 1) return '*';
  return all.map((value) => String(value).padStart(2, '0')).join(',');
}

function weekdays(ranges: readonly CronRange[]): string {
  const days = [...new Set(expand(ranges).map((day) => day % 7))].sort((a, b) => a - b);
  return days.map((day) => DAYS[day].charAt(0).toUpperCase() + DAYS[day].slice(1)).join(',');
}
