import { expect } from 'chai';
import { isRemote, parseRemoteUri, remoteFileName, shownUri } from '../../reference/remote-uri.js';

describe('remote URIs of feeds', () => {
  const cases = [
    ['https://feeds.example/lists/c2.txt', 'c2.txt', 'https://feeds.example/lists/c2.txt'],
    ['HTTP://feeds.example/', 'index', 'http://feeds.example/'],
    [
      'https://me:pass@feeds.example:8443/a%20b?key=1',
      'a%20b',
      'https://feeds.example:8443/a%20b?...',
    ],
    ['gs://my-feeds/lists/ir.txt', 'ir.txt', 'gs://my-feeds/lists/ir.txt'],
  ] as const;
  for (const [uri, name, shown] of cases) {
    it(`reads ${uri}`, () => {
      const remote = parseRemoteUri(uri);
      expect(remote === undefined ? undefined : remoteFileName(remote)).to.equal(name);
      expect(shownUri(uri)).to.equal(shown);
    });
  }

  const none = [
    'ftp://feeds.example/x',
    'file:///etc/passwd',
    'https://',
    'https://feeds.example:99999/',
    'http://feeds.example/\n',
    'gs://my-feeds',
    'gs://my-feeds/',
    'gs://my-feeds/folder/',
    'gs://X/y',
    'gs://my-feeds/a\u0000b',
    `gs://my-feeds/${'x'.repeat(1025)}`,
  ] as const;
  for (const uri of none) {
    it(`does not read ${JSON.stringify(uri.slice(0, 40))}`, () => {
      expect(parseRemoteUri(uri)).to.equal(undefined);
      expect(isRemote(uri)).to.equal(true);
    });
  }

  it('leaves paths alone', () => {
    for (const path of ['lists/c2.txt', '/lists/*.txt', 'a:b', './http:/x']) {
      expect(isRemote(path), path).to.equal(false);
    }
  });
});
