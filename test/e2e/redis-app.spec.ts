import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { brokerAddress } from '../support/brokers/with-broker.js';
import { Child } from '../support/child.js';
import { eventually } from '../support/eventually.js';
import { unique } from '../support/unique.js';

const url = brokerAddress('redis') ?? '';

describe.runIf(url !== '')('an app on Redis', () => {
  let client: Redis;
  let app: Child;
  let names: Record<'TOPIC' | 'OUTPUT' | 'GROUP', string>;

  const entries = async (stream: string): Promise<Record<string, string>[]> => {
    const rows = await client.xrange(stream, '-', '+');
    return rows.map(([, fields]) => {
      const pairs = fields.flatMap((name, index) => (index % 2 === 0 ? [[name, fields[index + 1]]] : []));
      return Object.fromEntries(pairs) as Record<string, string>;
    });
  };
  const pending = async (): Promise<unknown> => (await client.xpending(names.TOPIC, names.GROUP))[0];

  beforeEach(async () => {
    client = new Redis(url, { protocol: 2 });
    names = { TOPIC: unique('in'), OUTPUT: unique('out'), GROUP: unique('group') };
    app = Child.app('test/e2e/apps/redis-echo.ts', { ...names, REDIS_URL: url, MESSAGING_BROKER: 'redis' });
    await app.line(/^listening$/);
  });

  afterEach(async () => {
    await app.kill();
    client.disconnect();
  });

  it('handles what any program adds, and says at start where order ends', async () => {
    await client.xadd(names.TOPIC, '*', 'data', '{"id":1}', 'key', 'customer-7', 'h:traceparent', '00-abc');
    await eventually(async () =>
      expect(await entries(names.OUTPUT)).toEqual([
        { id: expect.any(String), data: '{"echoed":{"id":1}}', key: 'customer-7', 'h:traceparent': '00-abc' },
      ]),
    );
    expect(await pending()).toBe(0);
    expect(app.lines.filter((line) => line.includes('the order of a key ends at the process'))).not.toEqual([]);
  });

  it('tries again later, and the attempt counts on', async () => {
    await client.xadd(names.TOPIC, '*', 'data', '{"fail":2}', 'key', 'k');
    await eventually(async () => expect(await entries(names.OUTPUT)).toHaveLength(1));
    const handled = app.lines.filter((line) => line.startsWith('handling')).map((line) => line.slice(9));
    expect(handled.map((line) => (JSON.parse(line) as { attempt: number }).attempt)).toEqual([1, 2, 3]);
    expect(await client.xlen(`${names.TOPIC}-${names.GROUP}-retry`)).toBe(2);
  });

  it('gives poison bytes to the dead letters at once, untouched', async () => {
    const poison = Buffer.from([0xff, 0xfe, 0x7b]);
    await client.xadd(names.TOPIC, '*', 'data', poison, 'h:source', 'web');
    await client.xadd(names.TOPIC, '*', 'data', '{"id":2}');
    await eventually(async () => expect(await entries(names.OUTPUT)).toHaveLength(1));
    const [[, fields] = [Buffer.alloc(0), []]] = await client.xrangeBuffer(`${names.TOPIC}-dlq`, '-', '+');
    expect(fields[fields.findIndex((field) => field.toString() === 'data') + 1]).toEqual(poison);
    const [letter] = await entries(`${names.TOPIC}-dlq`);
    expect(letter).toMatchObject({
      'h:source': 'web',
      'h:x-reason': 'decode',
      'h:x-original-topic': names.TOPIC,
      'h:x-deliveries': '1',
    });
    expect(await pending()).toBe(0);
  });

  it('ends on SIGTERM, and leaves no member behind', async () => {
    await client.xadd(names.TOPIC, '*', 'data', '{"id":1}');
    await eventually(async () => expect(await entries(names.OUTPUT)).toHaveLength(1));
    app.signal('SIGTERM');
    await app.end();
    expect(await client.xinfo('CONSUMERS', names.TOPIC, names.GROUP)).toEqual([]);
  });
});
