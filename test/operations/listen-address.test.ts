import { expect } from 'chai';
import { formatListenAddress, parseListenAddress } from '../../launch/operations/listen-address.js';

describe('listen address', () => {
  const good = [
    ['127.0.0.1:9464', '127.0.0.1', 9464],
    ['[::1]:9464', '::1', 9464],
    ['[::]:0', '::', 0],
    ['localhost:65535', 'localhost', 65535],
    ['flow-sieve_1.example.net:80', 'flow-sieve_1.example.net', 80],
  ] as const;
  for (const [text, host, port] of good) {
    it(`reads ${text} and writes it back`, () => {
      const address = parseListenAddress(text);
      expect(address).to.deep.equal({ host, port });
      expect(formatListenAddress(address)).to.equal(text);
    });
  }

  const bad = [
    ['', 'expected HOST:PORT, got ""'],
    ['9464', 'expected HOST:PORT, got "9464"'],
    [':9464', 'expected HOST:PORT, got ":9464"'],
    ['::1:9464', 'expected an IPv6 address in brackets ([::1]:9464), got "::1"'],
    ['[127.0.0.1]:9464', 'expected an IPv6 address in the brackets, got "127.0.0.1"'],
    ['256.0.0.1:9464', 'expected a host name or an address, got "256.0.0.1"'],
    ['a b:9464', 'expected a host name or an address, got "a b"'],
    [`${'a.'.repeat(127)}a:1`, /^expected a host name or an address, got "a\.a/],
    ['localhost:', 'expected a port from 0 to 65535, got ""'],
    ['localhost:65536', 'expected a port from 0 to 65535, got "65536"'],
    ['localhost:-1', 'expected a port from 0 to 65535, got "-1"'],
    ['localhost:\u001b[31m', /got "\\u001b\[31m"$/],
  ] as const;
  for (const [text, message] of bad) {
    it(`refuses ${JSON.stringify(text.slice(0, 30))}`, () => {
      expect(() => parseListenAddress(text)).to.throw(RangeError, message);
    });
  }
});
