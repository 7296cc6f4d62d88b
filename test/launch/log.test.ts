import { expect } from 'chai';
import { logLevel } from '../../launch/log.js';

describe('log level', () => {
  const cases = [
    [undefined, 'warn'],
    ['debug', 'debug'],
    ['silent', 'silent'],
    ['loud', 'warn'],
    ['', 'warn'],
  ] as const;
  for (const [value, level] of cases) {
    it(`is ${level} for ${JSON.stringify(value)}`, () => {
      expect(logLevel({ FLOWSIEVE_LOG_LEVEL: value })).to.equal(level);
    });
  }
});
