import { BoundedMap } from '../bounded.js';
import { addBySensor, mostSeen, type SensorVolume } from './volume.js';

/** What was sent to one remote. */
export interface RemoteVolume {
  /** By sensor and rate, a handful: a remote is seen on the few ways that lead to it. */
  readonly sent: readonly SensorVolume[];
  /** Server ports, ascending: the lowest few. */
  readonly ports: readonly number[];
}

/** A remote with what was sent to it. */
export interface NamedRemote extends RemoteVolume {
  readonly address: string;
}

const MAX_SENSORS = 8;
const MAX_PORTS = 4;

/** Remotes that are kept of each kind. */
const MAX_REMOTES = 1024;

/**
 * From this on (scaled) a conversation of one window is kept apart from smaller ones. Of too many
 * remotes a random 1,024 stay; whoever sends gigabytes to one of them must not be able to hide it
 * among thousands of small connections.
 */
const LARGE_BYTES = 1_000_000;

/** Bytes by remote, bounded, the same in any order: which kind a conversation is, it says itself. */
export class RemoteVolumes {
  readonly #large = new BoundedMap<RemoteVolume>(MAX_REMOTES, plus);
  readonly #small = new BoundedMap<RemoteVolume>(MAX_REMOTES, plus);

  static restore(json: unknown): RemoteVolumes {
    const { large, small } = json as ReturnType<RemoteVolumes['save']>;
    const volumes = new RemoteVolumes();
    volumes.#large.restore(large);
    volumes.#small.restore(small);
    return volumes;
  }

  save(): { readonly large: unknown; readonly small: unknown } {
    return { large: this.#large.save(), small: this.#small.save() };
  }

  /** What sensors saw of one conversation to a remote's port. */
  add(remote: string, port: number, seen: readonly SensorVolume[]): void {
    const sent = addBySensor([], seen, MAX_SENSORS);
    const kind = mostSeen(sent).bytes >= LARGE_BYTES ? this.#large : this.#small;
    kind.add(remote, { sent, ports: [port] });
  }

  merge(from: RemoteVolumes): void {
    this.#large.merge(from.#large);
    this.#small.merge(from.#small);
  }

  /** The `limit` remotes that were sent most, and whether those are all. */
  top(limit: number): { readonly remotes: readonly NamedRemote[]; readonly all: boolean } {
    const known = new Map<string, RemoteVolume>(this.#large.entries());
    for (const [address, volume] of this.#small.entries()) {
      const large = known.get(address);
      known.set(address, large === undefined ? volume : plus(large, volume));
    }
    const ranked = [...known].map(([address, volume]) => ({
      bytes: mostSeen(volume.sent).bytes,
      remote: { address, ...volume },
    }));
    const remotes = ranked.sort(byBytes).map(({ remote }) => remote);
    return {
      remotes: remotes.slice(0, limit),
      all: remotes.length <= limit && !this.#large.estimated && !this.#small.estimated,
    };
  }
}

interface Ranked {
  readonly bytes: number;
  readonly remote: NamedRemote;
}

function byBytes(a: Ranked, b: Ranked): number {
  return b.bytes - a.bytes || (a.remote.address < b.remote.address ? -1 : 1);
}

function plus(a: RemoteVolume, b: RemoteVolume): RemoteVolume {
  const ports = [...new Set([...a.ports, ...b.ports])].sort((p, q) => p - q);
  return { sent: addBySensor(a.sent, b.sent, MAX_SENSORS), ports: ports.slice(0, MAX_PORTS) };
}
