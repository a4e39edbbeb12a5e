import { afterEach, describe, expect, it } from 'vitest';
import { type EngineApp, startEngine } from '../../support/engine-app.js';

const patient = {
  retryTopics: [60_000, 600_000],
  allowReorder: true,
  retryBackoff: 'fixed',
  initialDelayMs: 60_000,
  maxRetries: 2,
} as const;

describe('a retry that waits longer than messages may wait in place', () => {
  let app: EngineApp;
  let seen: string[];
  const start = (options: object = {}) => {
    seen = [];
    return startEngine({
      options: { ...patient, ...options },
      process: (message, context) => {
        seen.push(`${String(message)}/${context.attempt} ${context.topic} ${context.partition} ${context.offset}`);
        if (message === 'bad') throw new Error('no');
      },
    });
  };

  afterEach(() => app.messaging.close());

  it('is parked on the retry topic of its group, so that its key goes on', async () => {
    app = await start();
    for (const message of ['bad', 'good']) await app.messaging.deliver('tasks', message, { key: 'k', partition: 1 });
    await app.messaging.idle();
    expect(seen).toEqual(['bad/1 tasks 1 0', 'good/1 tasks 1 1']);
    expect(app.messaging.sent('tasks-test-group-retry')).toEqual([]);
    await app.messaging.advance('1m');
    expect(app.messaging.sent('tasks-test-group-retry')).toMatchObject([{ message: 'bad', key: 'k' }]);
  });

  it('comes back with its attempt and the place that it came from, until it is given up', async () => {
    app = await start();
    await app.messaging.deliver('tasks', 'bad', { key: 'k', partition: 1 });
    await app.messaging.advance('2m');
    expect(seen).toEqual(['bad/1 tasks 1 0', 'bad/2 tasks 1 0', 'bad/3 tasks 1 0']);
    const [letter] = app.messaging.deadLetters('tasks');
    const header = (name: string) => letter?.headers.get(name);
    expect(header('x-attempts')).toBe('3');
    expect(header('x-original-offset')).toBe('0');
    expect(header('x-attempt')).toBeUndefined();
    expect(header('x-due-at')).toBeUndefined();
    expect(Number(header('x-last-failure-at')) - Number(header('x-first-failure-at'))).toBe(120_000);
  });

  it('waits in place up to inPlaceRetryMaxMs', async () => {
    app = await start({ retryBackoff: 'exponential', initialDelayMs: 10_000, maxRetries: 3 });
    await app.messaging.deliver('tasks', 'bad');
    await app.messaging.advance('20s');
    expect(seen).toHaveLength(2);
    expect(app.messaging.sent('tasks-test-group-retry')).toEqual([]);
    await app.messaging.advance('40s');
    expect(seen).toHaveLength(3);
    expect(app.messaging.sent('tasks-test-group-retry')).toHaveLength(1);
  });

  it('survives a rebalance while it waits', async () => {
    app = await start();
    await app.messaging.deliver('tasks', 'bad');
    await app.messaging.idle();
    await app.messaging.rebalance();
    expect(seen).toHaveLength(1);
    await app.messaging.advance('1m');
    expect(seen).toHaveLength(2);
  });
});
