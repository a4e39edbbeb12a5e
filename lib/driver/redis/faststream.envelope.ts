import { isUtf8 } from 'node:buffer';
import type { HeaderList } from '../../core/headers.js';

interface Envelope {
  readonly value: Buffer;
  readonly headers: HeaderList;
}

const MAGIC = Buffer.from('\x89BIN\r\n\x1a\n\x00\x01', 'latin1');
/** Behind the magic and the version: where the headers are, and where the value is. */
const HEADERS_AT = MAGIC.length + 8;
/** Lengths of names and values of headers have two bytes. */
export const BINARY_MAX = 0xffff;

/** JSON, as FastStream's own `JSONMessageFormat`; it fails at bytes that are no text, which have its binary format here. */
export function toEnvelope(value: Buffer, headers: HeaderList): string | Buffer {
  if (!isUtf8(value)) return toBinary(value, headers);
  const texts = headers.map(([name, content]) => [name, content.toString('utf8')] as const);
  return JSON.stringify({ data: value.toString('utf8'), headers: Object.fromEntries(texts) });
}

/** What is neither of its formats is a value without headers, to FastStream too. */
export function readEnvelope(bytes: Buffer): Envelope {
  const isBinary = bytes.subarray(0, MAGIC.length).equals(MAGIC);
  return (isBinary ? readBinary(bytes) : readJson(bytes)) ?? { value: bytes, headers: [] };
}

function toBinary(value: Buffer, headers: HeaderList): Buffer {
  const parts = headers.flatMap(([name, content]) => [sized(Buffer.from(name, 'utf8')), sized(content)]);
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const offsets = Buffer.alloc(10);
  offsets.writeUInt32BE(HEADERS_AT, 0);
  offsets.writeUInt32BE(HEADERS_AT + 2 + length, 4);
  offsets.writeUInt16BE(headers.length, 8);
  return Buffer.concat([MAGIC, offsets, ...parts, value]);
}

function sized(bytes: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function readBinary(bytes: Buffer): Envelope | undefined {
  try {
    let at = bytes.readUInt32BE(MAGIC.length);
    const text = (): Buffer => {
      const start = at + 2;
      at = start + bytes.readUInt16BE(at);
      const found = bytes.subarray(start, at);
      if (at > bytes.length || !isUtf8(found)) throw new RangeError('no text');
      return found;
    };
    const count = bytes.readUInt16BE(at);
    at += 2;
    const headers = new Map<string, Buffer>();
    for (let i = 0; i < count; i++) headers.set(String(text()), text());
    return { value: bytes.subarray(bytes.readUInt32BE(MAGIC.length + 4)), headers: [...headers] };
  } catch {
    return undefined; // cut short, or another's: then it is no envelope
  }
}

/** Values of headers that are no texts, which FastStream lets pass, are JSON. */
function readJson(bytes: Buffer): Envelope | undefined {
  if (!isUtf8(bytes)) return undefined;
  try {
    const { data, headers = {} } = JSON.parse(bytes.toString('utf8')) as { data?: unknown; headers?: object };
    if (typeof data !== 'string') return undefined;
    const texts = Object.entries(headers).map(
      ([name, content]) =>
        [name, Buffer.from(typeof content === 'string' ? content : JSON.stringify(content))] as const,
    );
    return { value: Buffer.from(data, 'utf8'), headers: texts };
  } catch {
    return undefined; // not JSON, or not an object
  }
}
