/** Headers as they travel: ordered, repeatable, binary. */
export type HeaderList = readonly (readonly [name: string, value: Buffer])[];

/** A header's value as a sender writes it; an array repeats the header. */
export type HeaderInput = string | Buffer | readonly (string | Buffer)[];

/** Headers as a sender writes them. `null` and `undefined` values are left out. */
export type HeadersInput = Readonly<Record<string, HeaderInput | null | undefined>> | MessageHeaders;

export const NO_HEADERS: HeaderList = [];

/**
 * A message's headers as a handler reads them.
 *
 * @example
 * ```ts
 * const source = context.headers.get('source'); // 'web', or undefined
 * for (const [name, value] of context.headers) console.log(name, value.toString());
 * ```
 */
export class MessageHeaders implements Iterable<readonly [name: string, value: Buffer]> {
  /** @internal */
  constructor(private readonly list: HeaderList = NO_HEADERS) {}

  /** The first value of that name as UTF-8. */
  get(name: string): string | undefined {
    return this.getBuffer(name)?.toString('utf8');
  }

  /** All values of that name as UTF-8, in the order they were sent. */
  getAll(name: string): string[] {
    return this.list.filter(([own]) => own === name).map(([, value]) => value.toString('utf8'));
  }

  /** The first value of that name as bytes. */
  getBuffer(name: string): Buffer | undefined {
    return this.list.find(([own]) => own === name)?.[1];
  }

  has(name: string): boolean {
    return this.getBuffer(name) !== undefined;
  }

  [Symbol.iterator](): Iterator<readonly [name: string, value: Buffer]> {
    return this.list[Symbol.iterator]();
  }
}

/** @throws TypeError for a value that is neither text nor bytes, naming the header. */
export function toHeaderList(input: HeadersInput | undefined): HeaderList {
  if (input === undefined) return NO_HEADERS;
  if (input instanceof MessageHeaders) return [...input];
  return Object.entries(input).flatMap(([name, value]) =>
    values(value).map((one) => [name, bytes(name, one)] as const),
  );
}

function values(input: HeaderInput | null | undefined): readonly (string | Buffer)[] {
  if (input === null || input === undefined) return [];
  return Array.isArray(input) ? (input as readonly (string | Buffer)[]) : [input as string | Buffer];
}

function bytes(name: string, value: unknown): Buffer {
  if (typeof value === 'string') return Buffer.from(value, 'utf8');
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  throw new TypeError(
    `Expected header \`${name}\` to be a string or a Buffer, got \`${String(value)}\` (${typeof value}). Turn it into text first.`,
  );
}
