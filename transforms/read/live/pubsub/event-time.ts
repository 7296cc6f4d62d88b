/** RFC 3339 section 5.6; the seconds' fraction and the offset are its. */
const RFC_3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** Year 9999, the last that RFC 3339 can say. */
const LAST_MS = Date.UTC(10000, 0, 1) - 1;

/**
 * The event time that an attribute says, ms since 1970 UTC; undefined where it says none.
 *
 * The two forms that Beam's PubsubIO and Dataflow take: milliseconds since 1970 as a decimal number,
 * and RFC 3339, of whose fraction only milliseconds count.
 */
export function eventTimeMs(attribute: string): number | undefined {
  if (/^\d{1,15}$/.test(attribute)) {
    const ms = Number(attribute);
    return ms <= LAST_MS ? ms : undefined;
  }
  const found = RFC_3339.exec(attribute);
  if (found === null) return undefined;
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number);
  const [fraction = '', sign, offsetHours = '0', offsetMinutes = '0'] = found.slice(7);
  const daysInMonth = new Date(Date.UTC(year, month, 0)).getUTCDate();
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth) return undefined;
  // A leap second is the first of the next minute, as everywhere in this job.
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  if (Number(offsetHours) > 23 || Number(offsetMinutes) > 59) return undefined;
  const ms = Number(fraction.slice(0, 3).padEnd(3, '0'));
  const offset = (Number(offsetHours) * 60 + Number(offsetMinutes)) * (sign === '-' ? -1 : 1);
  const time = Date.UTC(year, month - 1, day, hour, minute - offset, second, ms);
  return time >= 0 && time <= LAST_MS ? time : undefined;
}
