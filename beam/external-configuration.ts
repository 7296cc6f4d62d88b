/**
 * The configuration of a transform of another SDK, as its expansion service wants it.
 *
 * Fault: the SDK's row coder knows no maps, deduces types from values and gives its schemas no id.
 * Repair: the row is written by hand. Its schema's id must be a UUID, or Java refuses it.
 *
 * Source: `beam:coder:row:v1` in Beam's `beam_runner_api.proto`.
 */
import './prepare.js';
import 'apache-beam';
import { ExternalConfigurationPayload } from 'apache-beam/proto/external_transforms';
import { AtomicType, type FieldType } from 'apache-beam/proto/schema';
import protobuf from 'protobufjs';
import { v4 as uuid } from 'uuid';

/** What a field may hold: a text, a truth value, texts, or texts by name. */
export type ConfigurationValue =
  string | boolean | readonly string[] | Readonly<Record<string, string>>;

/** A configuration's fields by name, as Java's class has them: `consumerConfig`, `topics`. */
export type Configuration = Readonly<Record<string, ConfigurationValue>>;

/** `ExternalConfigurationPayload` with `configuration` as a row. */
export function encodeConfiguration(configuration: Configuration): Uint8Array {
  const fields = Object.entries(configuration);
  const writer = protobuf.Writer.create();
  writer.uint32(fields.length);
  // No field is null: an empty bit map.
  writer.uint32(0);
  for (const [, value] of fields) writeValue(writer, value);
  return ExternalConfigurationPayload.toBinary({
    schema: {
      id: uuid(),
      fields: fields.map(([name, value], i) => ({
        name,
        description: '',
        type: typeOf(value),
        id: i,
        encodingPosition: i,
        options: [],
      })),
      options: [],
      encodingPositionsSet: false,
    },
    payload: writer.finish(),
  });
}

function typeOf(value: ConfigurationValue): FieldType {
  if (typeof value === 'string') return atomic(AtomicType.STRING);
  if (typeof value === 'boolean') return atomic(AtomicType.BOOLEAN);
  const text = atomic(AtomicType.STRING);
  if (isList(value)) return typed({ oneofKind: 'arrayType', arrayType: { elementType: text } });
  return typed({ oneofKind: 'mapType', mapType: { keyType: text, valueType: text } });
}

function atomic(atomicType: AtomicType): FieldType {
  return typed({ oneofKind: 'atomicType', atomicType });
}

function typed(typeInfo: FieldType['typeInfo']): FieldType {
  return { nullable: false, typeInfo };
}

function writeValue(writer: protobuf.Writer, value: ConfigurationValue): void {
  if (typeof value === 'string') {
    writer.string(value);
  } else if (typeof value === 'boolean') {
    writer.bool(value);
  } else if (isList(value)) {
    writeCount(writer, value.length);
    for (const text of value) writer.string(text);
  } else {
    const entries = Object.entries(value);
    writeCount(writer, entries.length);
    for (const [name, text] of entries) writer.string(name).string(text);
  }
}

/** Big endian, unlike protobuf's own fixed numbers. */
function writeCount(writer: protobuf.Writer, count: number): void {
  const swapped = Buffer.alloc(4);
  swapped.writeUInt32BE(count);
  writer.fixed32(swapped.readUInt32LE());
}

/** `Array.isArray` does not narrow what is read-only. */
function isList(
  value: readonly string[] | Readonly<Record<string, string>>,
): value is readonly string[] {
  return Array.isArray(value);
}
