import { afterEach, beforeEach, expect, it } from 'vitest';
import { RegistryUnavailableError } from '../../../lib/registry/errors.js';
import { SchemaRegistry } from '../../../lib/registry/schema-registry.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { registryClientOptions } from '../../contract/registry.contract.js';
import { eventually } from '../../support/eventually.js';
import { FakeRegistry } from '../../support/fake-registry.js';

let front: FakeRegistry;
let clock: FakeClock;
let registry: SchemaRegistry;

beforeEach(async () => {
  front = await FakeRegistry.start();
  clock = new FakeClock();
  registry = new SchemaRegistry(registryClientOptions(front.url), clock);
});
afterEach(async () => {
  registry.close();
  await front.stop();
});

it('asks twice more where the registry cannot answer, after 100 and 200 ms', async () => {
  front.fault = { status: 503, body: 'busy' };
  const asking = registry.byId(7).catch((error: unknown) => error);
  const asked = (times: number) => eventually(() => expect(front.requests.length).toBe(times));
  /** What came back of it has set the next timer by then. */
  const answered = () => new Promise((resolve) => setTimeout(resolve, 50));
  await asked(1);
  for (const [times, pause] of [
    [2, 100],
    [3, 200],
  ] as const) {
    await answered();
    await clock.advance(pause - 1);
    await answered();
    expect(front.requests.length).toBe(times - 1);
    await clock.advance(1);
    await asked(times);
  }
  expect(await asking).toBeInstanceOf(RegistryUnavailableError);
  expect(front.requests.length).toBe(3);
});
