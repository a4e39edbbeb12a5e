import type { HeaderList } from '../core/headers.js';
import { detailsOf, textOf, type CodecContext } from '../serialization/codec-context.js';
import { WireFormatError } from '../serialization/errors.js';

/** Which schema a message names, and its bytes without the frame. */
export type Framed = ({ readonly id: number } | { readonly guid: string }) & { readonly body: Buffer };

const ID_FRAME = 0;
const GUID_FRAME = 1;
const HEADERS = { value: '__value_schema_id', key: '__key_schema_id' };

/** `00`, the schema's id in four bytes, and the bytes. */
export function frame(id: number, body: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(body.length + 5);
  framed[0] = ID_FRAME;
  framed.writeInt32BE(id, 1);
  body.copy(framed, 5);
  return framed;
}

/**
 * The frame of a message: in a header (`01` and a UUID, the bytes then have none), or before the bytes. Undefined where there is none.
 * @throws WireFormatError when it is cut off, or names an id that none can have.
 */
export function unframe(value: Buffer, context: CodecContext, headers: HeaderList): Framed | undefined {
  const header = HEADERS[context.part ?? 'value'];
  const inHeader = headers.find(([name]) => name === header)?.[1];
  if (inHeader?.[0] === GUID_FRAME) return { guid: guidIn(inHeader, context), body: value };
  if (inHeader?.[0] === ID_FRAME) return { id: idIn(inHeader, context), body: value };
  if (value[0] === ID_FRAME) return { id: idIn(value, context), body: value.subarray(5) };
  return value[0] === GUID_FRAME ? { guid: guidIn(value, context), body: value.subarray(17) } : undefined;
}

function idIn(bytes: Buffer, context: CodecContext): number {
  const id = bytes.length < 5 ? 0 : bytes.readInt32BE(1);
  if (id > 0) return id;
  throw new WireFormatError(
    `${textOf(context)} begins like Avro with a schema id, but ${bytes.length < 5 ? `has only ${bytes.length} bytes` : `its id is ${id}`} (${firstBytes(bytes)}). Correct the sender.`,
    detailsOf(context),
  );
}

function guidIn(bytes: Buffer, context: CodecContext): string {
  if (bytes.length < 17)
    throw new WireFormatError(
      `${textOf(context)} begins like Avro with a schema's UUID, but has only ${bytes.length} bytes (${firstBytes(bytes)}). Correct the sender.`,
      detailsOf(context),
    );
  return bytes.toString('hex', 1, 17).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

export function firstBytes(bytes: Buffer): string {
  return bytes.length === 0 ? 'no bytes' : `first bytes ${bytes.subarray(0, 8).toString('hex')}`;
}
