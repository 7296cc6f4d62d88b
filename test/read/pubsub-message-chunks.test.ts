import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import type { Chunk, InputSpec } from '../../pipeline/chunk.js';
import type { Reject } from '../../pipeline/reject.js';
import { readChunks } from '../../transforms/read/chunks.js';
import { messageChunks } from '../../transforms/read/message-chunks.js';
import { encodePubsubMessage } from '../../transforms/read/pubsub-message.js';
import { TemporaryFiles } from '../launch/temporary-files.js';

const HEADER = 'start_ms,end_ms,src_ip,dst_ip,src_port,dst_port,protocol,packets,bytes\n';
const LINE = '1,2,192.0.2.1,203.0.113.1,50000,443,6,1,40';
const URI = 'pubsub://projects/p/subscriptions/s';

function inputOf(uri: string, format: string): InputSpec {
  return { name: uri, uri, format, sensor: '', samplingRate: 0, unknownFlags: 'drop' };
}

function messageOf(data: Uint8Array): Uint8Array {
  const publishTime = { seconds: 1_700_000_000, nanos: 0 };
  const attributes = new Map([['content-encoding', 'identity']]);
  return encodePubsubMessage({ data, attributes, messageId: '42', publishTime, orderingKey: '' });
}

interface Read {
  readonly chunks: Chunk[];
  readonly rejects: Reject[];
}

async function readBytes(bytes: Uint8Array, format = 'auto'): Promise<Read> {
  const rejects: Reject[] = [];
  const chunks: Chunk[] = [];
  const reject = (what: Reject): void => void rejects.push(what);
  for await (const chunk of messageChunks(bytes, inputOf(URI, format), 1234, reject)) {
    chunks.push(chunk);
  }
  return { chunks, rejects };
}

function reasons(rejects: readonly Reject[]): string[] {
  return rejects.map(({ format, reason, offset }) => `${format} ${reason} at ${offset}`);
}

describe('messageChunks', () => {
  const files = new TemporaryFiles();

  it('gives the records with their preamble, where they came from and when', async () => {
    const { chunks, rejects } = await readBytes(messageOf(Buffer.from(`${HEADER}${LINE}\n`)));
    expect(rejects).to.deep.equal([]);
    expect(chunks).to.have.length(1);
    const { uri, format, offset, preamble, bytes, arrivedMs } = chunks[0];
    expect({ uri, format, offset, arrivedMs }).to.deep.equal({
      uri: `${URI}#42`,
      format: 'csv',
      offset: HEADER.length,
      arrivedMs: 1234,
    });
    expect(Buffer.from(preamble).toString()).to.equal(HEADER);
    expect(Buffer.from(bytes).toString()).to.equal(`${LINE}\n`);
  });

  it('takes a last line without a line feed as a record', async () => {
    const { chunks } = await readBytes(messageOf(Buffer.from(`${HEADER}${LINE}\n${LINE}`)));
    expect(chunks.map(({ bytes }) => Buffer.from(bytes).toString())).to.deep.equal([
      `${LINE}\n${LINE}`,
    ]);
  });

  const bomb = gzipSync(Buffer.concat([Buffer.from(HEADER), Buffer.alloc(65 << 20, `${LINE}\n`)]));
  const CASES = [
    ['no data', Buffer.alloc(0), 'auto', [], 0],
    ['a header and no records', Buffer.from(HEADER), 'auto', [], 0],
    ['gzip of nothing', gzipSync(''), 'auto', [], 0],
    ['gzip', gzipSync(`${HEADER}${LINE}\n`), 'auto', [], LINE.length + 1],
    ['unknown', Buffer.from([0, 1, 2]), 'auto', ['unknown message-of-unknown-format at 0'], 0],
    [
      'gzip of something unknown',
      gzipSync(Buffer.from([0, 1, 2])),
      'auto',
      ['unknown message-of-unknown-format at 0'],
      0,
    ],
    [
      'gzip that is cut',
      gzipSync(`${HEADER}${LINE}\n`).subarray(0, -4),
      'auto',
      [`csv message-truncated at ${HEADER.length + LINE.length + 1}`],
      LINE.length + 1,
    ],
    [
      'xz',
      Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]),
      'auto',
      ['unknown message-unsupported at 0'],
      0,
    ],
  ] as const;

  for (const [title, data, format, wanted, length] of CASES) {
    it(`reads ${title}`, async () => {
      const { chunks, rejects } = await readBytes(messageOf(data), format);
      expect(reasons(rejects)).to.deep.equal(wanted);
      expect(chunks.reduce((sum, { bytes }) => sum + bytes.length, 0)).to.equal(length);
    });
  }

  it('refuses what expands to more than 64 MiB, after the records before that', async () => {
    const { chunks, rejects } = await readBytes(messageOf(bomb));
    expect(rejects.map(({ format, reason }) => [format, reason])).to.deep.equal([
      ['csv', 'message-too-large'],
    ]);
    const read = chunks.reduce((sum, { bytes }) => sum + bytes.length, HEADER.length);
    expect(read).to.be.within(62 << 20, 64 << 20);
    expect(read).to.equal(rejects[0].offset);
  });

  it('counts bytes that are no message', async () => {
    const { chunks, rejects } = await readBytes(Buffer.from([0x0a, 0x7f, 1]));
    expect(chunks).to.deep.equal([]);
    expect(reasons(rejects)).to.deep.equal(['unknown not-a-message at 0']);
    expect(rejects[0].file).to.equal(URI);
  });

  it('gives what a file with the same content gives', async () => {
    const content = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .array(fc.constantFrom(LINE, '', 'not,a,record', '1,2,3'), { maxLength: 8 })
        .map((lines) => Buffer.from(HEADER + lines.join('\n'))),
    );
    const path = files.write('content', '');
    await fc.assert(
      fc.asyncProperty(content, fc.constantFrom('auto', 'csv'), async (bytes, format) => {
        files.write('content', bytes);
        const rejects: Reject[] = [];
        const chunks: Chunk[] = [];
        const range = { input: inputOf(path, format), uri: path, start: 0, end: bytes.length };
        for await (const chunk of readChunks(range, (reject) => rejects.push(reject))) {
          chunks.push(chunk);
        }
        const message = await readBytes(messageOf(bytes), format);
        expect(reasons(message.rejects)).to.deep.equal(
          reasons(rejects).map((reason) => reason.replace('file-', 'message-')),
        );
        const bare = ({ format: id, offset, preamble, bytes: held }: Chunk): unknown => ({
          id,
          offset,
          preamble: Buffer.from(preamble).toString('latin1'),
          bytes: Buffer.from(held).toString('latin1'),
        });
        expect(message.chunks.map(bare)).to.deep.equal(chunks.map(bare));
      }),
      { numRuns: 60 },
    );
  });
});
