import { afterEach, describe, expect, it } from 'vitest';
import { Child } from '../support/child.js';
import { eventually } from '../support/eventually.js';
import { brokerAddress } from '../support/brokers/with-broker.js';
import { freePorts } from '../support/brokers/process.js';

const kafka = brokerAddress('kafka');
const redis = brokerAddress('redis');

describe('the sample shop', () => {
  let shop: Child;

  afterEach(() => shop.kill());

  const open = async (env: NodeJS.ProcessEnv): Promise<string> => {
    const [port] = await freePorts(1);
    shop = Child.script('sample/main.ts', { PORT: String(port), ...env });
    return `http://127.0.0.1:${port}`;
  };

  const buy = async (url: string, amount = 42): Promise<number> => {
    const body = JSON.stringify({ customer: 'ada', amount });
    const response = await fetch(`${url}/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect(response.status).toBe(202);
    return ((await response.json()) as { id: number }).id;
  };

  const state = async (url: string, id: number) => (await fetch(`${url}/orders/${id}`)).json();

  it('sells on the embedded broker within 10 s of its start, and says how to try it', async () => {
    const url = await open({});
    await shop.line(/^order 1 paid/, 10_000);
    expect(shop.lines.join('\n')).toContain(`curl ${url}/orders/1`);
    expect(await state(url, 1)).toMatchObject({ id: 1, status: 'paid' });
    const id = await buy(url);
    await eventually(async () =>
      expect(await state(url, id)).toEqual({ id, customer: 'ada', amount: 42, status: 'paid' }),
    );
  });

  it.runIf(redis !== undefined)('sells on Redis with MESSAGING_BROKER=redis', async () => {
    const url = await open({ MESSAGING_BROKER: 'redis', REDIS_URL: redis });
    await shop.line(/^order 1 paid/, 30_000);
    const id = await buy(url);
    await eventually(async () => expect(await state(url, id)).toMatchObject({ status: 'paid' }));
    expect(shop.lines.join('\n')).toContain('PaymentWorker ← orders (redis, group payments, concurrency 4) → payments');
  });

  it('tries again what fails, and refuses what cannot be paid', async () => {
    const url = await open({});
    await shop.line(/^order 1 paid/, 10_000);
    const [dear, free] = [await buy(url, 5_000), await buy(url, 0)];
    await shop.line(new RegExp(`^order ${dear} is tried again: the bank is busy$`));
    await shop.line(new RegExp(`^order ${dear} paid`));
    await shop.line(new RegExp(`^order ${free} refused: an amount of 0 cannot be paid$`));
    expect(await state(url, free)).toMatchObject({ status: 'refused' });
  });

  it.runIf(kafka !== undefined)('sells on Kafka with MESSAGING_BROKER=kafka', async () => {
    const url = await open({ MESSAGING_BROKER: 'kafka', KAFKA_BOOTSTRAP_SERVERS: kafka });
    await shop.line(/^order 1 paid/, 30_000);
    const id = await buy(url);
    await eventually(async () => expect(await state(url, id)).toMatchObject({ status: 'paid' }));
    expect(shop.lines.join('\n')).toContain('PaymentWorker ← orders (kafka, group payments, concurrency 4) → payments');
  });
});
