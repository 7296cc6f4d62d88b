import { protos } from '@google-cloud/pubsub';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  decodePubsubMessage,
  encodePubsubMessage,
  publishTimeMs,
  type PubsubMessage,
} from '../../transforms/read/pubsub-message.js';

const Proto = protos.google.pubsub.v1.PubsubMessage;

const messages: fc.Arbitrary<PubsubMessage> = fc.record({
  data: fc.uint8Array({ maxLength: 300 }),
  attributes: fc
    .array(fc.tuple(fc.string({ maxLength: 8, unit: 'grapheme' }), fc.string({ maxLength: 20 })))
    .map((entries) => new Map(entries.filter(([key]) => key !== '__proto__'))),
  messageId: fc.string({ maxLength: 20 }),
  publishTime: fc.record({
    seconds: fc.integer({ min: 0, max: 253_402_300_799 }),
    nanos: fc.integer({ min: 0, max: 999_999_999 }),
  }),
  orderingKey: fc.string({ maxLength: 20 }),
});

/** As the library of Google's writes it. */
function encodeByLibrary(message: PubsubMessage): Uint8Array {
  const { attributes, ...rest } = message;
  return Proto.encode({ ...rest, attributes: Object.fromEntries(attributes) }).finish();
}

describe('PubsubMessage', () => {
  it('reads what the library writes', () => {
    fc.assert(
      fc.property(messages, (message) => {
        const { data, ...rest } = decodePubsubMessage(encodeByLibrary(message));
        const { data: wanted, ...others } = message;
        expect(rest).to.deep.equal(others);
        expect(Buffer.compare(data, wanted)).to.equal(0);
      }),
    );
  });

  it('writes what the library reads', () => {
    fc.assert(
      fc.property(messages, (message) => {
        const read = Proto.decode(encodePubsubMessage(message));
        expect(new Map(Object.entries(read.attributes))).to.deep.equal(message.attributes);
        expect(read.messageId).to.equal(message.messageId);
        expect(read.orderingKey).to.equal(message.orderingKey);
        expect(Number(read.publishTime?.seconds)).to.equal(message.publishTime.seconds);
        expect(read.publishTime?.nanos).to.equal(message.publishTime.nanos);
        expect(Buffer.compare(read.data as Uint8Array, message.data)).to.equal(0);
      }),
    );
  });

  it('skips fields that it does not know', () => {
    const known = encodePubsubMessage({
      data: Buffer.from('x'),
      attributes: new Map(),
      messageId: '7',
      publishTime: { seconds: 1, nanos: 0 },
      orderingKey: '',
    });
    // Field 15, length-delimited; field 16, a varint.
    const bytes = Buffer.concat([Buffer.from([0x7a, 2, 1, 2, 0x80, 1, 5]), known]);
    expect(decodePubsubMessage(bytes)).to.deep.include({ messageId: '7', orderingKey: '' });
  });

  it('keeps an attribute of any name', () => {
    const attributes = new Map([['__proto__', 'x']]);
    const publishTime = { seconds: 1, nanos: 0 };
    const message = {
      data: Buffer.alloc(0),
      attributes,
      messageId: '',
      publishTime,
      orderingKey: '',
    };
    const read = decodePubsubMessage(encodePubsubMessage(message));
    expect(read.attributes.get('__proto__')).to.equal('x');
  });

  it('throws a RangeError for what is no message, and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          decodePubsubMessage(bytes);
        } catch (error) {
          expect(error).to.be.instanceOf(RangeError);
        }
      }),
    );
    const cut = encodePubsubMessage({
      data: Buffer.from('hello'),
      attributes: new Map(),
      messageId: '',
      publishTime: { seconds: 0, nanos: 0 },
      orderingKey: '',
    }).subarray(0, 4);
    expect(() => decodePubsubMessage(cut)).to.throw(RangeError, 'not a Pub/Sub message');
  });

  it('has its publish time in milliseconds, cut', () => {
    const publishTime = { seconds: 1_700_000_000, nanos: 123_999_999 };
    const message = {
      data: Buffer.alloc(0),
      attributes: new Map(),
      messageId: '',
      orderingKey: '',
    };
    expect(publishTimeMs({ ...message, publishTime })).to.equal(1_700_000_000_123);
  });
});
