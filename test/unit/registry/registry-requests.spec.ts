import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock, type Clock } from '../../../lib/core/clock.js';
import { RegistryUnavailableError } from '../../../lib/registry/errors.js';
import { SchemaRegistry } from '../../../lib/registry/schema-registry.js';
import { registryClientOptions } from '../../contract/registry.contract.js';
import { FakeRegistry } from '../../support/fake-registry.js';

const TIMEOUT_MS = 7_000;

let front: FakeRegistry;
let pauses: number[];
let registry: SchemaRegistry;

/** Writes down how long pauses are, and makes none. */
const clock: Clock = {
  now: () => systemClock.now(),
  after: (ms, callback) => {
    if (ms === TIMEOUT_MS) return systemClock.after(ms, callback);
    pauses.push(ms);
    return systemClock.after(0, callback);
  },
};

beforeEach(async () => {
  pauses = [];
  front = await FakeRegistry.start();
  registry = new SchemaRegistry(registryClientOptions(front.url, { schemaRegistryTimeoutMs: TIMEOUT_MS }), clock);
});
afterEach(async () => {
  registry.close();
  await front.stop();
});

it('asks twice more where the registry cannot answer, after 100 and 200 ms', async () => {
  front.fault = { status: 503, body: 'busy' };
  await expect(registry.byId(7)).rejects.toBeInstanceOf(RegistryUnavailableError);
  expect(front.requests).toHaveLength(3);
  expect(pauses).toEqual([100, 200]);
});
