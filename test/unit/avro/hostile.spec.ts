import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AvroCodec } from '../../../lib/serialization/avro/avro-codec.js';
import { Child } from '../../support/child.js';
import { ROWS } from '../../support/hostile.js';
import { SILENT_LOSSES } from '../../support/silent-losses.js';

const LIMIT_MS = 5_000;

/** The script in a process of its own, with half a gigabyte; it ends with this suite at the latest. */
function child(...args: string[]): Child {
  const script = ['--max-old-space-size=512', 'node_modules/vite-node/dist/cli.mjs', 'test/support/hostile.ts'];
  return Child.run(process.execPath, [...script, ...args], { NO_COLOR: '1' });
}

describe('hostile bytes', () => {
  let guarded: Child;
  const results = new Map<string, { readonly outcome: string; readonly ms: number }>();

  beforeAll(async () => {
    guarded = child('guarded');
    const late = new Promise((resolve) => AbortSignal.timeout(30_000).addEventListener('abort', resolve));
    await Promise.race([guarded.end(), late]); // what is not told by then has no result below
    for (const line of guarded.lines.filter((one) => one.startsWith('{'))) {
      const { name, ...result } = JSON.parse(line) as { name: string; outcome: string; ms: number };
      results.set(name, result);
    }
  }, 60_000);
  afterAll(() => guarded.kill());

  it.each(ROWS.map(({ name }) => name))('end in an error at once: %s', (name) => {
    expect(results.get(name)?.outcome).toBe('AvroDecodeError');
    expect(results.get(name)?.ms).toBeLessThan(LIMIT_MS / 5);
  });

  it.each(SILENT_LOSSES.map(({ name }) => name))('and a value that avsc would lose is refused as fast: %s', (name) => {
    expect(results.get(`lost: ${name}`)?.outcome).toBe('AvroEncodeError');
    expect(results.get(`lost: ${name}`)?.ms).toBeLessThan(LIMIT_MS / 5);
  });

  it('still end a process without the guard; when this fails, the guard can go', async () => {
    const raw = child('raw', 'an array of 3e8 items');
    const late = new Promise((resolve) => AbortSignal.timeout(LIMIT_MS).addEventListener('abort', resolve));
    const ended = await Promise.race([raw.end(), late.then(() => 'hangs')]);
    await raw.kill();
    expect(ended).not.toBe(0);
  }, 30_000);

  it('a key named __proto__ is an entry like any other', () => {
    const codec = new AvroCodec({ type: 'map', values: { type: 'map', values: 'long' } });
    const bytes = Buffer.concat([Buffer.from('02125f5f70726f746f5f5f', 'hex'), Buffer.from('020278020000', 'hex')]);
    const read = codec.decode(bytes, { topic: 't' }) as Record<string, unknown>;
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
    expect(Object.keys(read)).toEqual(['__proto__']);
    expect((read as { x?: unknown }).x).toBeUndefined();
  });

  it('text that is not UTF-8 is read with replacement characters, as Node reads any text', () => {
    expect(new AvroCodec('string').decode(Buffer.from('04ff61', 'hex'), { topic: 't' })).toBe('\ufffda');
  });

  it('a datum larger than the bound is not looked at', () => {
    const codec = new AvroCodec('bytes', { limits: { maxBytes: 10, maxItems: 10, maxDepth: 10 } });
    expect(() => codec.decode(Buffer.alloc(11), { topic: 't' })).toThrow('11 bytes, more than 10');
  });

  it('a schema nested without end is an error, not an overflow', () => {
    let schema: object = { type: 'array', items: 'long' };
    for (let depth = 0; depth < 20_000; depth++) schema = { type: 'array', items: schema };
    expect(() => new AvroCodec(schema as never)).toThrow(Error);
  });

  it.each(['R; process.exit()', 'a b', 'é'])('a name from a registry cannot become code: %s', (name) => {
    expect(() => new AvroCodec({ type: 'record', name: 'R', fields: [{ name, type: 'long' }] })).toThrow(/invalid/);
    expect(() => new AvroCodec({ type: 'record', name, fields: [] })).toThrow(/invalid/);
  });
});
