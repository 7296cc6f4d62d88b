import { expect } from 'chai';
import { RemoteVolumes } from '../../../filters/insecure-outbound/remote-volumes.js';
import type { SensorVolume } from '../../../filters/insecure-outbound/volume.js';

interface Sent {
  readonly remote: string;
  readonly port?: number;
  readonly seen: readonly SensorVolume[];
}

const A = '203.0.113.7';
const B = '203.0.113.8';

function volumesOf(all: readonly Sent[]): RemoteVolumes {
  const volumes = new RemoteVolumes();
  for (const { remote, port = 443, seen } of all) volumes.add(remote, port, seen);
  return volumes;
}

/** Each by itself, merged from the last to the first, through JSON. */
function merged(all: readonly Sent[]): RemoteVolumes {
  const volumes = new RemoteVolumes();
  for (const one of [...all].reverse()) {
    const json: unknown = JSON.parse(JSON.stringify(volumesOf([one]).save()));
    volumes.merge(RemoteVolumes.restore(json));
  }
  return volumes;
}

describe('insecure-service-outbound: volumes by remote', () => {
  it('adds great and small windows within a sensor', () => {
    const all: readonly Sent[] = [
      // What one sensor tells at once, another tells window by window.
      { remote: A, seen: [['slow', 1, 3_000, 4_000_000]] },
      { remote: A, seen: [['fast', 1, 1_500, 2_000_000]] },
      { remote: A, port: 80, seen: [['fast', 1, 600, 900_000]] },
      { remote: B, seen: [['fast', 1, 100, 150_000]] },
    ];
    const top = volumesOf(all).top(10);
    expect(top).to.deep.equal({
      remotes: [
        {
          address: A,
          sent: [
            ['fast', 1, 2_100, 2_900_000],
            ['slow', 1, 3_000, 4_000_000],
          ],
          ports: [80, 443],
        },
        { address: B, sent: [['fast', 1, 100, 150_000]], ports: [443] },
      ],
      all: true,
    });
    expect(merged(all).top(10)).to.deep.equal(top);
    expect(volumesOf(all).top(1)).to.deep.equal({ remotes: top.remotes.slice(0, 1), all: false });
  });

  it('ranks by one sensor, not by what many add up to', () => {
    const many = Array.from({ length: 5 }, (_, i): SensorVolume => [`s${i}`, 1, 100, 100_000]);
    const all: readonly Sent[] = [
      { remote: A, seen: many },
      { remote: B, seen: [['s0', 1, 150, 150_000]] },
    ];
    expect(
      volumesOf(all)
        .top(2)
        .remotes.map(({ address }) => address),
    ).to.deep.equal([B, A]);
  });

  it('keeps eight sensors of a remote, those with the finest rates', () => {
    const all = Array.from({ length: 20 }, (_, i): Sent => ({
      remote: A,
      seen: [[`s${i}`, 20 - i, 100, 1_000]],
    }));
    const [{ sent }] = volumesOf(all).top(1).remotes;
    expect(sent.map(([, rate]) => rate)).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(merged(all).top(1).remotes[0].sent).to.deep.equal(sent);
  });

  it('stays small, whoever is sent to by however many sensors', () => {
    const sensors = Array.from({ length: 12 }, (_, i): SensorVolume => [
      `192.0.2.${i}`,
      1,
      1_000 + i,
      1_000_000 + i,
    ]);
    const all = Array.from({ length: 4_000 }, (_, i): Sent => ({
      remote: `198.18.${i >> 8}.${i & 255}`,
      seen: sensors,
    }));
    expect(JSON.stringify(volumesOf(all).save()).length).to.be.lessThan(400_000);
  });
});
