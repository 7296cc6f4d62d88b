import { expect } from 'chai';
import { addressOf } from '../../pipeline/address.js';
import {
  neverRemote,
  SPECIAL_NAMES,
  special4,
  special6,
} from '../../reference/special-addresses.js';

function nameOf(text: string): string {
  const address = addressOf(text);
  if (address === undefined) throw new Error(`no address: ${text}`);
  const { words } = address;
  const code =
    address.family === 4 ? special4(words[0]) : special6(words[0], words[1], words[2], words[3]);
  return SPECIAL_NAMES[code];
}

const cases = [
  ['0.0.0.0', 'this-network'],
  ['0.255.255.255', 'this-network'],
  ['1.0.0.0', 'ordinary'],
  ['9.255.255.255', 'ordinary'],
  ['10.0.0.0', 'private'],
  ['10.255.255.255', 'private'],
  ['11.0.0.0', 'ordinary'],
  ['100.63.255.255', 'ordinary'],
  ['100.64.0.0', 'carrier-nat'],
  ['100.127.255.255', 'carrier-nat'],
  ['100.128.0.0', 'ordinary'],
  ['127.0.0.1', 'loopback'],
  ['169.253.255.255', 'ordinary'],
  ['169.254.0.0', 'link-local'],
  ['169.254.255.255', 'link-local'],
  ['172.15.255.255', 'ordinary'],
  ['172.16.0.0', 'private'],
  ['172.31.255.255', 'private'],
  ['172.32.0.0', 'ordinary'],
  ['192.0.0.8', 'ietf-protocol'],
  ['192.0.0.9', 'ordinary'],
  ['192.0.0.10', 'ordinary'],
  ['192.0.0.170', 'ietf-protocol'],
  ['192.0.2.1', 'documentation'],
  ['192.88.99.1', 'transition'],
  ['192.167.255.255', 'ordinary'],
  ['192.168.0.0', 'private'],
  ['192.169.0.0', 'ordinary'],
  ['198.17.255.255', 'ordinary'],
  ['198.18.0.0', 'benchmarking'],
  ['198.19.255.255', 'benchmarking'],
  ['198.20.0.0', 'ordinary'],
  ['198.51.100.255', 'documentation'],
  ['203.0.113.0', 'documentation'],
  ['203.0.114.0', 'ordinary'],
  ['223.255.255.255', 'ordinary'],
  ['224.0.0.0', 'multicast'],
  ['239.255.255.255', 'multicast'],
  ['240.0.0.0', 'reserved'],
  ['255.255.255.254', 'reserved'],
  ['255.255.255.255', 'broadcast'],
  ['::', 'this-network'],
  ['::1', 'loopback'],
  ['::2', 'reserved'],
  ['64:ff9b::c000:201', 'ordinary'],
  ['64:ff9b:1::1', 'private'],
  ['64:ff9b:2::1', 'reserved'],
  ['100::1', 'discard'],
  ['100:0:0:1::1', 'discard'],
  ['100:0:0:2::1', 'reserved'],
  ['2001::1', 'transition'],
  ['2001:1::1', 'ordinary'],
  ['2001:1::4', 'ietf-protocol'],
  ['2001:2::1', 'benchmarking'],
  ['2001:2:1::1', 'ietf-protocol'],
  ['2001:3::1', 'ordinary'],
  ['2001:4:112::1', 'ordinary'],
  ['2001:10::1', 'ietf-protocol'],
  ['2001:20::1', 'ordinary'],
  ['2001:2f:ffff::1', 'ordinary'],
  ['2001:40::1', 'ietf-protocol'],
  ['2001:200::1', 'ordinary'],
  ['2001:db8::1', 'documentation'],
  ['2001:db9::1', 'ordinary'],
  ['2002:c000:201::1', 'transition'],
  ['3fff::1', 'documentation'],
  ['3fff:fff:ffff::1', 'documentation'],
  ['3fff:1000::1', 'ordinary'],
  ['2a00:1450::1', 'ordinary'],
  ['4000::1', 'reserved'],
  ['5f00::1', 'segment-routing'],
  ['fbff::1', 'reserved'],
  ['fc00::1', 'unique-local'],
  ['fdff:ffff::1', 'unique-local'],
  ['fe80::1', 'link-local'],
  ['febf::1', 'link-local'],
  ['fec0::1', 'site-local'],
  ['ff02::1', 'multicast'],
] as const;

describe('special addresses', () => {
  for (const [address, name] of cases) {
    it(`${address} is ${name}`, () => {
      expect(nameOf(address)).to.equal(name);
    });
  }

  it('says which are never a remote', () => {
    const possible = SPECIAL_NAMES.filter((_, code) => !neverRemote(code));
    expect(possible).to.deep.equal(['ordinary', 'documentation', 'benchmarking', 'transition']);
  });
});
