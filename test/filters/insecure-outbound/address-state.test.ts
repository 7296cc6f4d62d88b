import { expect } from 'chai';
import { Conversation } from '../../../filters/conversation.js';
import { AddressState } from '../../../filters/insecure-outbound/address-state.js';
import type { InventoryEvidence } from '../../../pipeline/finding.js';
import { fakeBatch, fakeReference } from '../fixtures.js';

const limits = { minBytes: 1, shellMs: 1_800_000, shellBytes: 1_000_000 };

function service(port: number, tag: string, lastSeen?: string): InventoryEvidence {
  return {
    type: 'inventory',
    feed: 'scan',
    feedVersion: 'v1',
    entry: `198.51.100.10:${port}/tcp`,
    service: '',
    tags: [tag],
    ...(lastSeen === undefined ? {} : { lastSeen }),
  };
}

/** A state by one snapshot, with traffic to be judged. */
function stateOf(version: string, services: readonly InventoryEvidence[]): AddressState {
  const reference = fakeReference();
  const state = new AddressState();
  state.know(version, limits, () => services);
  state.addOutbound(new Conversation(fakeBatch([{}], reference), reference));
  return state;
}

/** Merges through JSON. */
function merged(states: readonly AddressState[]): AddressState {
  const into = new AddressState();
  for (const state of states) {
    into.merge(AddressState.restore(JSON.parse(JSON.stringify(state.save()))));
  }
  return into;
}

function entries(state: AddressState): readonly string[] {
  return (state.facts()?.services ?? []).map(({ entry, tags, lastSeen }) =>
    [entry, ...tags, lastSeen ?? ''].join(' '),
  );
}

describe('insecure-service-outbound: services of an address', () => {
  it('come by their gravest tag, then by port', () => {
    const state = stateOf('s1', [
      service(443, 'self-signed'),
      service(3389, 'rdp'),
      service(9000, 'house-tag'),
      service(2323, 'telnet'),
      service(23, 'telnet'),
      service(27017, 'exposed-database'),
    ]);
    expect(state.kind).to.equal('exposed-database');
    expect(entries(state).map((entry) => entry.split(' ')[1])).to.deep.equal([
      'exposed-database',
      'telnet',
      'telnet',
      'rdp',
      'house-tag',
      'self-signed',
    ]);
    expect(entries(state)[1]).to.equal('198.51.100.10:23/tcp telnet ');
  });

  it('are those of all snapshots of the window, the later word on each, in any order', () => {
    const first = stateOf('s1', [service(23, 'telnet', '2026-01-01'), service(21, 'ftp')]);
    const second = stateOf('s2', [service(23, 'vnc', '2026-01-02')]);
    const both = merged([first, second]);
    expect(entries(both)).to.deep.equal([
      '198.51.100.10:21/tcp ftp ',
      '198.51.100.10:23/tcp vnc 2026-01-02',
    ]);
    expect(entries(merged([second, first]))).to.deep.equal(entries(both));
    first.know('s2', limits, () => [service(23, 'vnc', '2026-01-02')]);
    expect(entries(first)).to.deep.equal(entries(both));
  });

  it('are looked up once a snapshot', () => {
    const state = stateOf('s1', [service(23, 'telnet')]);
    state.know('s1', limits, () => {
      throw new Error('asked again');
    });
  });

  it('are cut to the gravest of a host that answers on all ports, in any order', () => {
    const many = Array.from({ length: 100 }, (_, i) => service(1000 + i, 'telnet'));
    const grave = service(60_000, 'exposed-database');
    const kept = entries(merged([stateOf('s1', many), stateOf('s2', [grave])]));
    expect(kept).to.have.length(64);
    expect(kept[0]).to.contain(':60000/tcp exposed-database');
    expect(kept.at(-1)).to.contain(':1062/tcp');
    expect(entries(merged([stateOf('s2', [grave]), stateOf('s1', many)]))).to.deep.equal(kept);
  });

  it('are nothing to judge before there is a policy', () => {
    expect(new AddressState().facts()).to.equal(undefined);
    expect(new AddressState().kind).to.equal(undefined);
  });
});
