import { afterEach, describe, expect, it } from 'vitest';
import { EventTopic, outputs, skip } from '../../../lib/index.js';
import { type EngineApp, type Handling, startEngine } from '../../support/engine-app.js';

describe('what a handler returns', () => {
  let app: EngineApp;
  const run = async (handling: Handling, headers = {}) => {
    app = await startEngine(handling);
    await app.messaging.deliver('tasks', 'in', { key: 'k', headers });
    await app.messaging.idle();
    return app.messaging;
  };

  afterEach(() => app.messaging.close());

  it('goes to the output topic, with the key and the trace of the input and nothing else of it', async () => {
    const headers = { traceparent: 't', tracestate: 's', baggage: 'b', own: 'stays' };
    const messaging = await run({ options: { outputTopic: 'out' }, process: () => ({ ok: true }) }, headers);
    const [output] = messaging.sent('out');
    expect(output).toMatchObject({ key: 'k', message: { ok: true } });
    expect([...(output?.headers ?? [])].map(([name, value]) => `${name}=${String(value)}`)).toEqual([
      'traceparent=t',
      'tracestate=s',
      'baggage=b',
    ]);
  });

  it('goes nowhere without an output topic, and undefined never does', async () => {
    const messaging = await run({ process: () => ({ ok: true }) });
    expect(messaging.sent('out')).toEqual([]);
    await messaging.close();
    expect((await run({ options: { outputTopic: 'out' }, process: () => undefined })).sent('out')).toEqual([]);
  });

  it('may be several messages, with topics, keys and headers of their own', async () => {
    class Audit extends EventTopic {
      static readonly topicName = 'audit';
    }
    const messaging = await run({
      options: { outputTopic: 'out' },
      process: () =>
        outputs([
          { message: 1 },
          { message: 2, key: 'other', headers: { own: 'x' } },
          { topic: Audit, message: 3, key: null },
          { topic: 'states', message: null },
        ]),
    });
    expect(messaging.sent('out')).toMatchObject([
      { message: 1, key: 'k' },
      { message: 2, key: 'other' },
    ]);
    expect(messaging.sent('out')[1]?.headers.get('own')).toBe('x');
    expect(messaging.sent('audit')).toMatchObject([{ message: 3, key: undefined }]);
    expect(messaging.sent('states')).toMatchObject([{ message: null }]);
  });

  it('is a failure of the message where an output has no topic, or cannot be written as JSON', async () => {
    let messaging = await run({ process: () => outputs([{ message: 1 }]) });
    const reason = () => messaging.deadLetters('tasks')[0]?.headers.get('x-error-message');
    expect(reason()).toBe('An output names no topic, and the handler has no `outputTopic`. Name one of them.');
    await messaging.close();
    messaging = await run({ options: { outputTopic: 'out', maxRetries: 0 }, process: () => ({ big: 1n }) });
    expect(reason()).toContain('JSON');
  });

  it('is written before the message counts as handled, again and again while the broker is away', async () => {
    let calls = 0;
    app = await startEngine({ options: { outputTopic: 'out' }, process: () => ++calls });
    app.messaging.failNext('send', new Error('away'));
    app.messaging.failNext('send', new Error('away'));
    await app.messaging.deliver('tasks', 'in', { key: 'k' });
    await app.messaging.deliver('tasks', 'next', { key: 'k' });
    await app.messaging.idle();
    expect([calls, app.messaging.sent('out').length]).toEqual([1, 0]);
    await app.messaging.advance('1s');
    expect(app.messaging.sent('out').map(({ message }) => message)).toEqual([1, 2]);
  });

  it('may be a skip: handled, without output and without hook', async () => {
    const told: string[] = [];
    const messaging = await run({
      options: { outputTopic: 'out' },
      process: () => skip('not ours'),
      hooks: { onSuccess: () => void told.push('success') },
    });
    expect([messaging.sent('out'), messaging.deadLetters('tasks'), told]).toEqual([[], [], []]);
    expect(app.log.texts('debug').join()).toContain('Tasks skips a message: not ours');
  });
});

describe('hooks', () => {
  let app: EngineApp;
  let told: unknown[];
  const hooks = {
    onSuccess: (message: unknown, result: unknown) => void told.push(['success', message, result]),
    onRetry: (message: unknown, error: Error, attempt: number) =>
      void told.push(['retry', message, error.message, attempt]),
    onError: (message: unknown, error: Error) => void told.push(['error', message, error.message]),
  };
  const fails = () => {
    throw new Error('no');
  };

  afterEach(() => app.messaging.close());

  it('are told of success once the outputs are written', async () => {
    told = [];
    app = await startEngine({ options: { outputTopic: 'out' }, process: () => 'done', hooks });
    app.messaging.failNext('send', new Error('away'));
    await app.messaging.deliver('tasks', 1);
    await app.messaging.idle();
    expect(told).toEqual([]);
    await app.messaging.advance('1s');
    expect(told).toEqual([['success', 1, 'done']]);
  });

  it('are told of each attempt that another follows, and once of the end', async () => {
    told = [];
    app = await startEngine({ options: { maxRetries: 2 }, process: fails, hooks });
    await app.messaging.deliver('tasks', 1);
    await app.messaging.advance('10s');
    expect(told).toEqual([
      ['retry', 1, 'no', 1],
      ['retry', 1, 'no', 2],
      ['error', 1, 'no'],
    ]);
  });

  it('are not told of a message that could not be read', async () => {
    told = [];
    app = await startEngine({ process: fails, hooks });
    await app.messaging.deliver('tasks', Buffer.from('{oops'), { raw: true });
    await app.messaging.idle();
    expect(told).toEqual([]);
    expect(app.messaging.deadLetters('tasks')[0]?.headers.get('x-reason')).toBe('decode');
  });

  it('change nothing when they throw', async () => {
    const seen: unknown[] = [];
    app = await startEngine({
      options: { maxRetries: 1, initialDelayMs: 100 },
      process: (message, { attempt }) => {
        seen.push([message, attempt]);
        if (message === 'bad') fails();
      },
      hooks: { onSuccess: fails, onRetry: async () => fails(), onError: fails },
    });
    for (const message of ['good', 'bad', 'next']) await app.messaging.deliver('tasks', message, { key: 'k' });
    await app.messaging.advance('1s');
    expect(seen).toEqual([
      ['good', 1],
      ['bad', 1],
      ['bad', 2],
      ['next', 1],
    ]);
    expect(app.messaging.deadLetters('tasks')).toHaveLength(1);
    const errors = app.log.texts('error').join();
    for (const hook of ['onSuccess', 'onRetry', 'onError']) expect(errors).toContain(`Tasks.${hook} threw: no`);
  });
});
