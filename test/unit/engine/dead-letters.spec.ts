import { afterEach, describe, expect, it } from 'vitest';
import { AuthorizationError, deadLetter, MessageTooLargeError, outputs } from '../../../lib/index.js';
import type { SentMessage } from '../../../lib/testing/index.js';
import { type EngineApp, startEngine } from '../../support/engine-app.js';

const once = { maxRetries: 0 } as const;
const fails = () => {
  throw Object.assign(new TypeError('cannot read', { cause: new RangeError('deep') }), { code: 'E_READ' });
};

describe('a message that is given up', () => {
  let app: EngineApp;
  const start = async (...args: Parameters<typeof startEngine>) => (app = await startEngine(...args));
  const letter = (topic = 'tasks') => app.messaging.deadLetters(topic)[0] as SentMessage;

  afterEach(() => app.messaging.close());

  it('goes to <topic>-dlq as it came: key, bytes, headers and partition', async () => {
    await start({ options: once, process: fails });
    const bytes = Buffer.from('{"id":  1}');
    const headers = { own: Buffer.from([0, 255]), twice: ['a', 'b'] };
    const sent = await app.messaging.deliver('tasks', bytes, { raw: true, key: 'k', headers });
    await app.messaging.idle();
    const { topic, key, partition, message, headers: kept } = letter();
    expect({ topic, key, partition, message }).toEqual({
      topic: 'tasks-dlq',
      key: 'k',
      partition: sent.partition,
      message: { id: 1 },
    });
    expect(kept.getBuffer('own')).toEqual(Buffer.from([0, 255]));
    expect(kept.getAll('twice')).toEqual(['a', 'b']);
  });

  it('says in text where it came from and why', async () => {
    await start({ options: once, process: fails });
    const sent = await app.messaging.deliver('tasks', 1, { timestamp: 1_700_000_000_000 });
    await app.messaging.idle();
    const names = ['original-topic', 'original-partition', 'original-offset', 'original-timestamp', 'original-group'];
    const why = ['handler', 'reason', 'error-class', 'error-code', 'error-message', 'attempts', 'deliveries'];
    const found = Object.fromEntries([...names, ...why].map((name) => [name, letter().headers.get(`x-${name}`)]));
    expect(found).toEqual({
      'original-topic': 'tasks',
      'original-partition': String(sent.partition),
      'original-offset': '0',
      'original-timestamp': '1700000000000',
      'original-group': 'test-group',
      handler: 'Tasks',
      reason: 'retries-exhausted',
      'error-class': 'TypeError',
      'error-code': 'E_READ',
      'error-message': 'cannot read',
      attempts: '1',
      deliveries: '1',
    });
  });

  it("carries spring-kafka's headers in their own encodings", async () => {
    await start({ options: once, process: fails });
    await app.messaging.deliver('tasks', 0, { partition: 2 });
    await app.messaging.deliver('tasks', 1, { partition: 2, timestamp: 1_700_000_000_000 });
    await app.messaging.idle();
    const { headers } = app.messaging.deadLetters('tasks')[1] as SentMessage;
    expect(headers.get('kafka_dlt-original-topic')).toBe('tasks');
    expect(headers.getBuffer('kafka_dlt-original-partition')).toEqual(Buffer.from([0, 0, 0, 2]));
    expect(headers.getBuffer('kafka_dlt-original-offset')).toEqual(Buffer.from([0, 0, 0, 0, 0, 0, 0, 1]));
    expect(headers.getBuffer('kafka_dlt-original-timestamp')?.readBigInt64BE()).toBe(1_700_000_000_000n);
    expect(headers.get('kafka_dlt-original-timestamp-type')).toBe('CreateTime');
    expect(headers.get('kafka_dlt-original-consumer-group')).toBe('test-group');
    expect(headers.get('kafka_dlt-exception-fqcn')).toBe('TypeError');
    expect(headers.get('kafka_dlt-exception-cause-fqcn')).toBe('RangeError');
    expect(headers.get('kafka_dlt-exception-message')).toBe('cannot read');
    expect(headers.get('kafka_dlt-exception-stacktrace')).toContain('dead-letters.spec');
  });

  it('keeps when it first failed, and says when it last did', async () => {
    await start({ options: { maxRetries: 1, initialDelayMs: 1_000 }, process: fails });
    await app.messaging.deliver('tasks', 1);
    await app.messaging.advance('2s');
    const [first, last] = ['first', 'last'].map((which) => Number(letter().headers.get(`x-${which}-failure-at`)));
    expect((last ?? 0) - (first ?? 0)).toBe(2_000);
  });

  it('keeps its first origin over further hops', async () => {
    await start({ options: { ...once, topic: 'tasks-dlq', dlqTopic: 'graveyard' }, process: fails });
    const place = { 'x-original-topic': 'tasks', 'x-original-partition': '7', 'x-original-offset': '99' };
    const origin = { ...place, 'x-original-timestamp': '5', 'x-original-group': 'the first' };
    await app.messaging.deliver('tasks-dlq', 1, { headers: origin });
    await app.messaging.idle();
    const [hop] = app.messaging.sent('graveyard');
    for (const [name, value] of Object.entries(origin)) expect(hop?.headers.getAll(name)).toEqual([value]);
    expect(hop?.headers.getBuffer('kafka_dlt-original-offset')?.readBigInt64BE()).toBe(99n);
    expect(hop?.headers.get('kafka_dlt-original-consumer-group')).toBe('the first'); // a redrive is for it
  });

  it('goes to the dlqTopic that the handler names', async () => {
    await start({ options: { ...once, dlqTopic: 'graveyard' }, process: fails });
    await app.messaging.deliver('tasks', 1);
    await app.messaging.idle();
    expect(letter().topic).toBe('graveyard');
    expect(app.messaging.sent('tasks-dlq')).toEqual([]);
  });

  it('is logged and dropped with deadLetter: false, and what follows goes on', async () => {
    const seen: unknown[] = [];
    await start({
      options: { ...once, deadLetter: false },
      process: (message) => {
        seen.push(message);
        if (message === 1) fails();
      },
    });
    for (const n of [1, 2]) await app.messaging.deliver('tasks', n, { key: 'k' });
    await app.messaging.idle();
    expect(seen).toEqual([1, 2]);
    expect(app.messaging.sent('tasks-dlq')).toEqual([]);
    expect(app.log.texts('error').join()).toContain('is given up (retries-exhausted): cannot read');
  });

  it("stops the handler with deadLetter: 'stop', and nothing is settled", async () => {
    const seen: unknown[] = [];
    await start({
      options: { ...once, deadLetter: 'stop' },
      process: (message) => {
        seen.push(message);
        fails();
      },
    });
    for (const n of [1, 2]) await app.messaging.deliver('tasks', n, { key: 'k' });
    await app.messaging.deliver('tasks', 3);
    await app.messaging.idle();
    await app.messaging.rebalance();
    expect(seen).toHaveLength(1);
    expect(app.log.texts('error').join()).toContain('Handler Tasks stopped: cannot read');
    await expect(app.messaging.idle()).resolves.toBeUndefined();
  });

  it('may be given up by the handler, with a reason of its own', async () => {
    await start({ process: () => deadLetter('no such customer') });
    await app.messaging.deliver('tasks', 1);
    await app.messaging.idle();
    expect(letter().headers.get('x-reason')).toBe('no such customer');
  });

  it('is written again when the broker cannot be reached, without another call of the handler', async () => {
    let calls = 0;
    await start({
      options: once,
      process: () => {
        calls++;
        fails();
      },
    });
    app.messaging.failNext('send', new Error('away'));
    await app.messaging.deliver('tasks', 1);
    await app.messaging.idle();
    expect(app.messaging.deadLetters('tasks')).toEqual([]);
    await app.messaging.advance('1s');
    expect(app.messaging.deadLetters('tasks')).toHaveLength(1);
    expect(calls).toBe(1);
  });

  it('is written once more without its stack when it is refused', async () => {
    await start({ options: once, process: fails });
    app.messaging.failNext('send', new MessageTooLargeError('too large'));
    await app.messaging.deliver('tasks', 1);
    await app.messaging.idle();
    expect(letter().headers.has('kafka_dlt-exception-stacktrace')).toBe(false);
    expect(letter().headers.get('kafka_dlt-exception-fqcn')).toBe('TypeError');
  });

  it('stops the handler when it is refused again, unsettled', async () => {
    let calls = 0;
    await start({
      options: once,
      process: () => {
        calls++;
        fails();
      },
    });
    for (let n = 0; n < 2; n++) app.messaging.failNext('send', new AuthorizationError('no WRITE'));
    for (const n of [1, 2]) await app.messaging.deliver('tasks', n, { key: 'k' });
    await app.messaging.idle();
    expect(app.log.texts('error').join()).toContain('Handler Tasks stopped: no WRITE');
    await app.messaging.rebalance();
    expect(calls).toBe(1);
    expect(app.messaging.sent('tasks-dlq')).toEqual([]);
  });

  it('cuts messages and stacks that would not fit', async () => {
    await start({
      options: once,
      process: () => {
        throw new Error('x'.repeat(10_000));
      },
    });
    await app.messaging.deliver('tasks', 1);
    await app.messaging.idle();
    expect(letter().headers.get('x-error-message')).toMatch(/^x{2000}… \(10000 characters\)$/);
    expect(letter().headers.get('kafka_dlt-exception-stacktrace')?.length).toBeLessThan(8_100);
  });

  it('follows an output that can never be written', async () => {
    await start({ process: () => outputs([{ topic: 'out', message: 1 }]) });
    app.messaging.failNext('send', new AuthorizationError('no WRITE on out'));
    await app.messaging.deliver('tasks', 1);
    await app.messaging.idle();
    expect(letter().headers.get('x-reason')).toBe('output');
    expect(letter().headers.get('x-error-message')).toBe('no WRITE on out');
  });
});
