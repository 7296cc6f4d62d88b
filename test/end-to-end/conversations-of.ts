import { constant } from '../../beam/constant.js';
import { basename } from 'node:path';
import { impulse } from 'apache-beam/transforms/internal';
import { withName } from 'apache-beam/transforms/transform';
import type { PCollection } from 'apache-beam';
import { jsonCoder } from '../../beam/coders.js';
import { applyFn, registerFn } from '../../beam/fn.js';
import { LocalRunner } from '../../launch/local/local-runner.js';
import { formatAddressAt } from '../../pipeline/address.js';
import { ROLE_NAMES, TCP } from '../../pipeline/codes.js';
import type { ConversationBatch } from '../../pipeline/conversation-batch.js';
import type { InputSpec } from '../../pipeline/chunk.js';
import type { ManifestRef } from '../../reference/snapshot.js';
import { decode } from '../../transforms/decode.js';
import { dedupe } from '../../transforms/dedupe.js';
import { dropShared } from '../../transforms/drop-shared.js';
import { established } from '../../transforms/established.js';
import { joinCustomers } from '../../transforms/join-customers.js';
import { orient } from '../../transforms/orient.js';
import { read } from '../../transforms/read.js';

const collected = new Set<string>();

registerFn<null, ConversationBatch>('test/collect-conversations', () => ({
  process({ family, rows, columns }): void {
    for (let row = 0; row < rows; row++) {
      if (columns.protocol[row] !== TCP) continue;
      const customer = formatAddressAt(family, columns.customerAddr, row);
      const remote = formatAddressAt(family, columns.remoteAddr, row);
      const { customerPort, remotePort } = columns;
      const role = ROLE_NAMES[columns.role[row]];
      collected.add(`${customer}:${customerPort[row]} ${role} ${remote}:${remotePort[row]}`);
    }
  },
}));

/**
 * Runs the steps from read to dedupe on one file, as the job does. Gives the established TCP
 * conversations, sorted: `customer:port role remote:port`, the role being the customer's.
 */
export async function conversationsOf(
  uri: string,
  reference: ManifestRef,
): Promise<readonly string[]> {
  collected.clear();
  const spec: InputSpec = {
    name: uri,
    uri,
    format: 'auto',
    sensor: basename(uri),
    samplingRate: 1,
    unknownFlags: 'keep',
  };
  await new LocalRunner().run((root) => {
    const start = root.apply(
      withName('start', impulse() as never),
    ) as unknown as PCollection<Uint8Array>;
    const side = constant(start, 'reference', reference);
    const { flows } = decode(read(start, { inputs: [spec], rangeBytes: 64 << 20 }).chunks);
    const graded = established(orient(flows));
    const customers = dropShared(joinCustomers(graded, side), side);
    const params = { windowMs: 300_000, shards: 4, attempts: false };
    const conversations = dedupe(customers, params, null);
    applyFn(conversations, {
      name: 'collect',
      fn: 'test/collect-conversations',
      params: null,
      // A Fn without outputs would not be run.
      outputs: { nothing: jsonCoder },
    });
  });
  return [...collected].sort();
}
