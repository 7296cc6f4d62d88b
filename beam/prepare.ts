/**
 * What must happen before apache-beam 2.49 is loaded; import this first.
 *
 * Fault: on Node >= 23 its dependency serialize-closures reads `util.isPrimitive`, which is gone.
 * Fault: worker and runner print every bundle with console.debug and console.log, on standard
 * output, which is for data.
 */
import util from 'node:util';

interface LegacyUtil {
  isPrimitive?: (value: unknown) => boolean;
}

(util as LegacyUtil).isPrimitive ??= (value) =>
  value === null || (typeof value !== 'object' && typeof value !== 'function');

/* eslint-disable no-console -- silencing the console is what this is for */
const debug = console.debug.bind(console);
console.debug = (...args: unknown[]): void => {
  if (args[0] !== 'Processing ') debug(...args);
};
