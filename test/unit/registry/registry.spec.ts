import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock, type Clock } from '../../../lib/core/clock.js';
import {
  IncompatibleSchemaError,
  InvalidSchemaError,
  RegistryAuthError,
  RegistryUnavailableError,
  SchemaNotFoundError,
  SchemaRegistryError,
  SubjectNotFoundError,
} from '../../../lib/registry/errors.js';
import { SchemaRegistry } from '../../../lib/registry/schema-registry.js';
import { registryClientOptions, registryContract } from '../../contract/registry.contract.js';
import { hastyClock, registryRequestsContract } from '../../contract/registry-requests.contract.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { FakeRegistry } from '../../support/fake-registry.js';

const LONG = '"long"';
let fake: FakeRegistry;
const clients: SchemaRegistry[] = [];

function client(url: string, more: object = {}, clock: Clock = systemClock): SchemaRegistry {
  const patient = clock === systemClock ? {} : { schemaRegistryTimeoutMs: 1_000_000 }; // hasty time must not end a request
  const made = new SchemaRegistry(registryClientOptions(url, { ...patient, ...more }), clock);
  clients.push(made);
  return made;
}

beforeEach(async () => void (fake = await FakeRegistry.start()));
afterEach(async () => {
  for (const one of clients.splice(0)) one.close();
  await fake.stop();
});

describe('the fake in place of a registry', () => {
  let shared: FakeRegistry;
  beforeAll(async () => void (shared = await FakeRegistry.start()));
  afterAll(() => shared.stop());
  registryContract('the fake', () => shared.url);
  registryRequestsContract('the fake', () => shared.url);
});

describe('ids that somebody invents', () => {
  it('are asked for twenty times in a second, and what comes then waits for the next', async () => {
    const clock = new FakeClock();
    const registry = client(fake.url, { schemaRegistryTimeoutMs: 1_000_000 }, clock);
    for (let id = 1; id <= 20; id++) await expect(registry.byId(id)).rejects.toThrow(SchemaNotFoundError);
    const next = registry.byId(fake.add('s', LONG));
    await clock.advance(999);
    expect(fake.requests).toHaveLength(20);
    await clock.advance(1);
    await expect(next).resolves.toMatchObject({ schema: LONG });
  });
});

describe('each answer has its error, and what to do about it', () => {
  const refused = { pausesPartition: true, retryable: false };
  const final = { pausesPartition: false, retryable: false };
  const passing = { pausesPartition: true, retryable: true };

  it.each<[string, number, object, new (...args: never[]) => Error, object, string]>([
    ['M50 401', 401, {}, RegistryAuthError, refused, 'Correct the user, the token, or its rights.'],
    ['M51 403', 403, {}, RegistryAuthError, refused, 'Correct the user, the token, or its rights.'],
    ['M52 404 of a subject', 404, { error_code: 40401 }, SubjectNotFoundError, final, 'Register the schema'],
    ['M53 404 of a version', 404, { error_code: 40402 }, SubjectNotFoundError, final, 'Register the schema'],
    [
      'M54 404 of a schema in a subject',
      404,
      { error_code: 40403 },
      SubjectNotFoundError,
      final,
      'Register the schema',
    ],
    ['M55 409', 409, { error_code: 409 }, IncompatibleSchemaError, final, 'Change the schema'],
    ['M56 409 with a code', 409, { error_code: 40901 }, IncompatibleSchemaError, final, 'Change the schema'],
    ['M57 422 of the schema', 422, { error_code: 42201 }, InvalidSchemaError, final, 'Correct the schema'],
    ['M58 422 of the version', 422, { error_code: 42202 }, InvalidSchemaError, final, 'Correct the schema'],
    ['M59 422 of the level', 422, { error_code: 42203 }, InvalidSchemaError, final, 'Correct the schema'],
    ['M60 422 of the subject', 422, { error_code: 42208 }, InvalidSchemaError, final, 'Correct the schema'],
    ['M61 422 of the size', 422, { error_code: 42209 }, InvalidSchemaError, final, 'Correct the schema'],
    ['M62 400', 400, {}, SchemaRegistryError, final, 'Look at `schemaRegistryUrl`'],
    ['M63 500', 500, { error_code: 50001 }, RegistryUnavailableError, passing, 'Look at the registry'],
    ['M64 502', 502, {}, RegistryUnavailableError, passing, 'Look at the registry'],
  ])('%s', async (_what, status, body, type, facts, cure) => {
    fake.fault = { status, body: JSON.stringify({ message: 'no', ...body }) };
    const asking = client(fake.url, {}, hastyClock()).idOf('s', LONG);
    await expect(asking).rejects.toThrow(type);
    await expect(asking).rejects.toMatchObject({ status, ...facts });
    await expect(asking).rejects.toThrow(
      `The schema registry answered POST /subjects/s/versions at ${new URL(fake.url).host} with ${status}`,
    );
    await expect(asking).rejects.toThrow(cure);
  });

  it('M65 404 of a subject without a rule of its own: it takes any schema', async () => {
    fake.fault = { status: 404, body: '{"error_code":40408,"message":"no compatibility of its own"}' };
    expect(await client(fake.url).compatibility('s', LONG)).toEqual({ isCompatible: true, messages: [] });
  });

  it('M66 409 at a send: the error has what the registry says of each place', async () => {
    const first = '{"type":"record","name":"R","fields":[]}';
    const worse = '{"type":"record","name":"R","fields":[{"name":"a","type":"long"}]}';
    await client(fake.url).idOf('s', first);
    const asking = client(fake.url).idOf('s', worse);
    await expect(asking).rejects.toMatchObject({ status: 409, messages: ['a field without a default'] });
    await expect(asking).rejects.toThrow("or the subject's rule. a field without a default");
  });

  it('nobody listens', async () => {
    const { url } = fake;
    await fake.stop();
    await expect(client(url, {}, hastyClock()).byId(1)).rejects.toThrow(RegistryUnavailableError);
    fake = await FakeRegistry.start();
  });
});

describe('the function that gets a token', () => {
  it('is bounded as an answer is', async () => {
    const options = { schemaRegistryToken: () => new Promise<string>(() => {}), schemaRegistryTimeoutMs: 20 };
    const asking = client(fake.url, options).idOf('s', LONG);
    await expect(asking).rejects.toThrow(RegistryUnavailableError);
    await expect(asking).rejects.toThrow('no answer within 20 ms');
    expect(fake.requests).toEqual([]);
  });
});
