import { expect } from 'chai';
import { KindMembers } from '../../../filters/insecure-outbound/kind-members.js';

function kindOf(volumes: readonly number[]): KindMembers {
  const members = new KindMembers();
  volumes.forEach((bytes, i) => {
    members.add(`198.51.100.${i} acme`, bytes, undefined);
  });
  return members;
}

describe('insecure-service-outbound: volumes of a kind', () => {
  it('compares by the robust z of the logarithm', () => {
    // Logarithms 3 to 9: median 6, MAD 2.
    const { addresses, z } = kindOf([3, 4, 5, 6, 7, 8, 9].map((n) => 10 ** n - 1)).compare();
    expect(addresses).to.equal(7);
    expect(z(10 ** 9 - 1)).to.be.closeTo(3 / (1.4826 * 2), 1e-12);
    expect(z(0)).to.be.closeTo(-6 / (1.4826 * 2), 1e-12);
  });

  it('holds those that send the same to be a fifth of a decade apart', () => {
    const { z } = kindOf(Array.from({ length: 6 }, () => 999_999)).compare();
    expect(z(999_999)).to.equal(0);
    expect(z(9_999_999)).to.be.closeTo(5, 1e-9);
  });

  it('compares nothing with fewer than five others, or with those that sent nothing', () => {
    expect(kindOf([1, 2, 3, 4, 5]).compare().z(1)).to.equal(undefined);
    expect(kindOf([1, 2, 3, 4, 5, 0]).compare().z(1)).to.equal(undefined);
    expect(kindOf([1, 2, 3, 4, 5, 6]).compare().z(1)).to.be.a('number');
    expect(kindOf([]).compare().z(1)).to.equal(undefined);
  });

  it('samples a large kind, in any order the same', () => {
    const all = Array.from({ length: 20_000 }, (_, i) => 10 ** ((8 * i) / 20_000));
    const forward = kindOf(all).compare();
    const members = new KindMembers();
    all.forEach((bytes, i) => {
      const one = new KindMembers();
      one.add(`198.51.100.${i} acme`, bytes, undefined);
      if (i % 100 === 0) members.merge(KindMembers.restore(JSON.parse(JSON.stringify(one.save()))));
      else members.merge(one);
    });
    const { addresses, z } = members.compare();
    expect(addresses).to.equal(forward.addresses);
    expect(addresses).to.be.closeTo(20_000, 1_500);
    expect(z(10 ** 6)).to.equal(forward.z(10 ** 6));
    // Evenly over 0 to 8 decades: median 4, MAD 2.
    expect(z(10 ** 6)).to.be.closeTo(2 / (1.4826 * 2), 0.1);
    expect(JSON.stringify(members.save()).length).to.be.lessThan(250_000);
  });
});
