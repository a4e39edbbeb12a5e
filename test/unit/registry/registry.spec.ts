import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock, type Clock } from '../../../lib/core/clock.js';
import {
  IncompatibleSchemaError,
  InvalidSchemaError,
  RegistryAuthError,
  RegistryTlsError,
  RegistryUnavailableError,
  SchemaNotFoundError,
  SchemaRegistryError,
  SubjectNotFoundError,
} from '../../../lib/registry/errors.js';
import { SchemaRegistry } from '../../../lib/registry/schema-registry.js';
import { registryClientOptions, registryContract } from '../../contract/registry.contract.js';
import { FakeRegistry } from '../../support/fake-registry.js';

const LONG = '"long"';
let fake: FakeRegistry;
const clients: SchemaRegistry[] = [];

/** Time that passes a hundred times as fast, and can be moved. */
function hastyClock(): Clock & { offset: number } {
  const clock = {
    offset: 0,
    now: () => Date.now() + clock.offset,
    after: (ms: number, callback: () => void) => systemClock.after(ms / 100, callback),
  };
  return clock;
}

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
});

describe('requests', () => {
  it('fifty who want the same make one request, of an id as of a schema', async () => {
    const registry = client(fake.url);
    const ids = await Promise.all(Array.from({ length: 50 }, () => registry.idOf('s', LONG)));
    expect(new Set(ids).size).toBe(1);
    await Promise.all(ids.map((id) => registry.byId(id)));
    expect(fake.requests).toEqual(['POST /subjects/s/versions', `GET /schemas/ids/${ids[0]}`]);
  });

  it('an id that is not there is asked for once in five seconds', async () => {
    const clock = hastyClock();
    const registry = client(fake.url, {}, clock);
    for (let n = 0; n < 20; n++) await expect(registry.byId(7)).rejects.toThrow(SchemaNotFoundError);
    expect(fake.requests).toHaveLength(1);
    clock.offset = 5_001;
    await expect(registry.byId(7)).rejects.toThrow(SchemaNotFoundError);
    expect(fake.requests).toHaveLength(2);
  });

  it('a failed registration is tried anew by the next who wants it', async () => {
    const registry = client(fake.url);
    fake.faults.push({ status: 422, body: '{"error_code":42201,"message":"no"}' });
    await expect(registry.idOf('s', LONG)).rejects.toThrow(InvalidSchemaError);
    expect(await registry.idOf('s', LONG)).toBeGreaterThan(0);
  });

  it.each([
    ['503', { status: 503, body: 'busy' }],
    ['429', { status: 429, body: '{}' }],
    ['408', { status: 408, body: '{}' }],
    ['a page of a proxy', { status: 200, body: '<html>' }],
    ['a broken connection', 'break'],
  ] as const)('asks again after %s', async (_what, fault) => {
    fake.faults.push(fault, fault);
    expect(await client(fake.url, {}, hastyClock()).idOf('s', LONG)).toBeGreaterThan(0);
    expect(fake.requests).toHaveLength(3);
  });

  it('asks the next URL at once, and stays with the one that answered', async () => {
    const other = await FakeRegistry.start();
    other.fault = { status: 503, body: 'busy' };
    const registry = client(`${other.url}, ${fake.url}`);
    await registry.idOf('a', LONG);
    await registry.idOf('b', LONG);
    expect(other.requests).toEqual(['POST /subjects/a/versions']);
    expect(fake.requests).toHaveLength(2);
    await other.stop();
  });

  it('a URL that never answers costs its timeout, once', async () => {
    const other = await FakeRegistry.start();
    other.fault = 'hang';
    const registry = client(`${other.url},${fake.url}`, { schemaRegistryTimeoutMs: 50 });
    await registry.idOf('a', LONG);
    await registry.idOf('b', LONG);
    expect(other.requests).toHaveLength(1);
    await other.stop();
  });

  it('a refusal is final: no other URL is asked', async () => {
    const registry = client(`${fake.url},${fake.url}`);
    await expect(registry.byId(5)).rejects.toThrow(SchemaNotFoundError);
    expect(fake.requests).toHaveLength(1);
  });

  it('an answer without an end is cut off', async () => {
    fake.fault = { status: 200, body: JSON.stringify({ id: 1, schema: 'x'.repeat(2_000_000) }) };
    await expect(client(fake.url, {}, hastyClock()).byId(1)).rejects.toThrow('an answer of more than 1048576 bytes');
  });

  it('what a schema refers to comes with it, each once, and after what it needs itself', async () => {
    fake.add('a', '{"type":"record","name":"A","fields":[]}');
    const toA = [{ name: 'A', subject: 'a', version: 1 }];
    fake.add('b', '{"type":"record","name":"B","fields":[{"name":"a","type":"A"}]}', { references: toA });
    const references = [{ name: 'B', subject: 'b', version: 1 }, ...toA];
    const id = fake.add('c', '{"type":"array","items":"B"}', { references });
    const { references: found } = await client(fake.url).byId(id);
    expect(found.map((text) => (JSON.parse(text) as { name: string }).name)).toEqual(['A', 'B']);
    expect(fake.requests).toHaveLength(3);
  });
});

describe('who asks', () => {
  const authorization = () => fake.headers[0]?.['authorization'];
  const basic = `Basic ${Buffer.from('ann:s3cret').toString('base64')}`;

  it.each<[string, object, string]>([
    ['a user', { schemaRegistryUsername: 'ann', schemaRegistryPassword: 's3cret' }, basic],
    ['a token', { schemaRegistryToken: 't0ken' }, 'Bearer t0ken'],
    ['a token of a function', { schemaRegistryToken: async () => 'fr3sh' }, 'Bearer fr3sh'],
  ])('%s', async (_what, options, header) => {
    await client(fake.url, options).idOf('s', LONG);
    expect(authorization()).toBe(header);
  });

  it('a user in the URL, who shows in no text', async () => {
    fake.fault = { status: 401, body: '{"error_code":401,"message":"who are you"}' };
    const asking = client(fake.url.replace('//', '//ann:s3cret@')).idOf('s', LONG);
    await expect(asking).rejects.toThrow(RegistryAuthError);
    await expect(asking).rejects.not.toThrow(/s3cret/);
    expect(authorization()).toBe(basic);
  });
});

describe('each answer has its error', () => {
  it.each([
    [401, {}, RegistryAuthError, { pausesPartition: true, retryable: false }],
    [403, {}, RegistryAuthError, { pausesPartition: true, retryable: false }],
    [404, { error_code: 40401 }, SubjectNotFoundError, { pausesPartition: false, retryable: false }],
    [409, { error_code: 409 }, IncompatibleSchemaError, { pausesPartition: false, retryable: false }],
    [409, { error_code: 40901 }, IncompatibleSchemaError, { pausesPartition: false, retryable: false }],
    [422, { error_code: 42201 }, InvalidSchemaError, { pausesPartition: false, retryable: false }],
    [400, {}, SchemaRegistryError, { pausesPartition: false, retryable: false }],
    [500, { error_code: 50001 }, RegistryUnavailableError, { pausesPartition: true, retryable: true }],
    [502, {}, RegistryUnavailableError, { pausesPartition: true, retryable: true }],
  ])('%i %j', async (status, body, type, facts) => {
    fake.fault = { status, body: JSON.stringify({ message: 'no', ...body }) };
    const asking = client(fake.url, {}, hastyClock()).idOf('s', LONG);
    await expect(asking).rejects.toThrow(type);
    await expect(asking).rejects.toMatchObject({ status, ...facts });
    await expect(asking).rejects.toThrow(
      `The schema registry answered POST /subjects/s/versions at ${new URL(fake.url).host} with ${status}`,
    );
  });

  it('nobody listens', async () => {
    const { url } = fake;
    await fake.stop();
    await expect(client(url, {}, hastyClock()).byId(1)).rejects.toThrow(RegistryUnavailableError);
    fake = await FakeRegistry.start();
  });
});

describe('with TLS', () => {
  let folder: string;
  let server: https.Server;
  let url: string;
  const file = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'registry-tls-'));
    for (const name of ['server', 'client']) {
      const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`];
      const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
      openssl('req', '-x509', '-days', '2', ...key, ...subject, '-out', `${name}.pem`);
    }
    const files = { key: readFileSync(file('server.key')), cert: readFileSync(file('server.pem')) };
    server = https.createServer(
      { ...files, ca: readFileSync(file('client.pem')), requestCert: true, rejectUnauthorized: false },
      ({ socket }, response) => {
        const isKnown = (socket as TLSSocket).authorized;
        response.writeHead(isKnown ? 200 : 403).end(isKnown ? '{"id":1}' : '{"message":"no certificate"}');
      },
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });

  it('a registry that is not trusted is an error at once', async () => {
    await expect(client(url).idOf('s', LONG)).rejects.toThrow(RegistryTlsError);
  });

  it('a registry that is trusted, and wants to know who we are', async () => {
    const trusted = { schemaRegistryCafile: file('server.pem') };
    await expect(client(url, trusted).idOf('s', LONG)).rejects.toThrow(RegistryAuthError);
    const known = { ...trusted, schemaRegistryCertfile: file('client.pem'), schemaRegistryKeyfile: file('client.key') };
    expect(await client(url, known).idOf('s', LONG)).toBe(1);
  });
});
