import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock, type Clock } from '../../lib/core/clock.js';
import {
  InvalidSchemaError,
  RegistryAuthError,
  RegistryTlsError,
  RegistryUnavailableError,
  SchemaNotFoundError,
} from '../../lib/registry/errors.js';
import { SchemaRegistry } from '../../lib/registry/schema-registry.js';
import { Certificates } from '../support/certificates.js';
import { FakeRegistry } from '../support/fake-registry.js';
import { unique } from '../support/unique.js';
import { registryClientOptions } from './registry.contract.js';

const LONG = '"long"';
const NOT_THERE = 1_999_999_998;

/** Time that passes a hundred times as fast, and can be moved. */
export function hastyClock(): Clock & { offset: number } {
  const clock = {
    offset: 0,
    now: () => Date.now() + clock.offset,
    after: (ms: number, callback: () => void) => systemClock.after(ms / 100, callback),
  };
  return clock;
}

/** How often the client asks any registry, and as whom: something in front of the registry counts, and breaks. */
export function registryRequestsContract(name: string, address: () => string): void {
  describe(`requests to a schema registry: ${name}`, () => {
    const clients: SchemaRegistry[] = [];
    const fronts: FakeRegistry[] = [];
    let front: FakeRegistry;
    let subject: string;
    let path: string;

    const open = async (more: object = {}) => {
      const made = await FakeRegistry.start({ behind: address(), ...more });
      fronts.push(made);
      return made;
    };
    const client = (url: string, more: object = {}, clock: Clock = systemClock) => {
      const patient = clock === systemClock ? {} : { schemaRegistryTimeoutMs: 1_000_000 }; // hasty time must not end a request
      const made = new SchemaRegistry(registryClientOptions(url, { ...patient, ...more }), clock);
      clients.push(made);
      return made;
    };
    beforeEach(async () => {
      front = await open();
      subject = unique('subject');
      path = `/subjects/${subject}/versions`;
    });
    afterEach(async () => {
      for (const one of clients.splice(0)) one.close();
      for (const one of fronts.splice(0)) await one.stop();
    });

    it('fifty who want the same make one request, of an id as of a schema', async () => {
      const registry = client(front.url);
      const ids = await Promise.all(Array.from({ length: 50 }, () => registry.idOf(subject, LONG)));
      expect(new Set(ids).size).toBe(1);
      await Promise.all(ids.map((id) => registry.byId(id)));
      expect(front.requests).toEqual([`POST ${path}`, `GET /schemas/ids/${ids[0]}`]);
    });

    it('an id that is not there is asked for once in five seconds', async () => {
      const clock = hastyClock();
      const registry = client(front.url, {}, clock);
      for (let n = 0; n < 20; n++) await expect(registry.byId(NOT_THERE)).rejects.toThrow(SchemaNotFoundError);
      expect(front.requests).toHaveLength(1);
      clock.offset = 5_001;
      await expect(registry.byId(NOT_THERE)).rejects.toThrow(SchemaNotFoundError);
      expect(front.requests).toHaveLength(2);
    });

    it('a failed registration is tried anew by the next who wants it', async () => {
      const registry = client(front.url);
      front.faults.push({ status: 422, body: '{"error_code":42201,"message":"no"}' });
      await expect(registry.idOf(subject, LONG)).rejects.toThrow(InvalidSchemaError);
      expect(await registry.idOf(subject, LONG)).toBeGreaterThan(0);
    });

    it.each([
      ['503', { status: 503, body: 'busy' }],
      ['429', { status: 429, body: '{}' }],
      ['408', { status: 408, body: '{}' }],
      ['a page of a proxy', { status: 200, body: '<html>' }],
      ['a broken connection', 'break'],
    ] as const)('asks again after %s', async (_what, fault) => {
      front.faults.push(fault, fault);
      expect(await client(front.url, {}, hastyClock()).idOf(subject, LONG)).toBeGreaterThan(0);
      expect(front.requests).toHaveLength(3);
    });

    it('asks the next URL at once, and stays with the one that answered', async () => {
      const other = await open();
      other.fault = { status: 503, body: 'busy' };
      const registry = client(`${other.url}, ${front.url}`);
      await registry.idOf(subject, LONG);
      await registry.idOf(`${subject}-2`, LONG);
      expect(other.requests).toEqual([`POST ${path}`]);
      expect(front.requests).toHaveLength(2);
    });

    it('a URL that nobody listens at costs nothing but the try', async () => {
      const gone = await open();
      await gone.stop();
      expect(await client(`${gone.url},${front.url}`).idOf(subject, LONG)).toBeGreaterThan(0);
      await gone.listen();
    });

    it('a URL that never answers costs its timeout, once', async () => {
      const other = await open();
      other.fault = 'hang';
      const registry = client(`${other.url},${front.url}`, { schemaRegistryTimeoutMs: 1_000 });
      await registry.idOf(subject, LONG);
      await registry.idOf(`${subject}-2`, LONG);
      expect(other.requests).toHaveLength(1);
    });

    it('a refusal is final: no other URL is asked', async () => {
      const registry = client(`${front.url},${front.url}`);
      await expect(registry.byId(NOT_THERE)).rejects.toThrow(SchemaNotFoundError);
      expect(front.requests).toHaveLength(1);
    });

    it('an answer without an end is cut off', async () => {
      front.fault = { status: 200, body: JSON.stringify({ id: 1, schema: 'x'.repeat(2_000_000) }) };
      const asking = client(front.url, {}, hastyClock()).byId(1);
      await expect(asking).rejects.toThrow('an answer of more than 1048576 bytes');
    });

    it('tells its trouble while messages wait for it, for a minute at most', async () => {
      const clock = hastyClock();
      const registry = client(front.url, {}, clock);
      front.fault = { status: 503, body: 'busy' };
      await expect(registry.idOf(subject, LONG)).rejects.toThrow(RegistryUnavailableError);
      expect(registry.trouble).toBeInstanceOf(RegistryUnavailableError);
      clock.offset = 60_001;
      expect(registry.trouble).toBeUndefined();
      clock.offset = 0;
      front.fault = undefined;
      await registry.idOf(subject, LONG);
      expect(registry.trouble).toBeUndefined();
    });

    it('what a schema refers to comes with it, each once, and after what it needs itself', async () => {
      const names = ['A', 'B', 'C'].map((letter) => `${letter}_${unique('r').replaceAll('-', '_')}`) as [
        string,
        string,
        string,
      ];
      const [a, b, c] = names;
      const refer = (to: string) => ({ name: `x.${to}`, subject: to, version: 1 });
      const record = (own: string, ...fields: object[]) =>
        JSON.stringify({ type: 'record', name: own, namespace: 'x', fields });
      await put(address(), a, record(a));
      await put(address(), b, record(b, { name: 'a', type: `x.${a}` }), [refer(a)]);
      const id = await put(address(), c, record(c, { name: 'b', type: `x.${b}` }, { name: 'a', type: `x.${a}` }), [
        refer(b),
        refer(a),
      ]);
      const { references } = await client(front.url).byId(id);
      expect(references.map((text) => (JSON.parse(text) as { name: string }).name)).toEqual([a, b]);
      expect(front.requests).toHaveLength(3);
    });

    const basic = `Basic ${Buffer.from('ann:s3cret').toString('base64')}`;

    it.each<[string, object, string]>([
      ['a user', { schemaRegistryUsername: 'ann', schemaRegistryPassword: 's3cret' }, basic],
      ['a token', { schemaRegistryToken: 't0ken' }, 'Bearer t0ken'],
      ['a token of a function', { schemaRegistryToken: async () => 'fr3sh' }, 'Bearer fr3sh'],
    ])('asks as %s', async (_what, options, header) => {
      await client(front.url, options).idOf(subject, LONG);
      expect(front.headers[0]?.['authorization']).toBe(header);
    });

    it('asks as a user in the URL, who shows in no text', async () => {
      front.faults.push(undefined, { status: 401, body: '{"error_code":401,"message":"who are you"}' });
      const registry = client(front.url.replace('//', '//ann:s3cret@'));
      expect(await registry.idOf(subject, LONG)).toBeGreaterThan(0);
      const asking = registry.byId(NOT_THERE);
      await expect(asking).rejects.toThrow(RegistryAuthError);
      await expect(asking).rejects.not.toThrow(/s3cret/);
      expect(front.headers.map(({ authorization }) => authorization)).toEqual([basic, basic]);
    });

    describe('with TLS', () => {
      let certificates: Certificates;
      let secure: FakeRegistry;
      beforeAll(() => void (certificates = new Certificates()));
      afterAll(() => certificates.remove());
      beforeEach(async () => {
        const { cert, key } = certificates.leaf('registry');
        const [own, ca] = [{ cert: readFileSync(cert), key: readFileSync(key) }, readFileSync(certificates.ca)];
        secure = await open({ tls: { ...own, ca, requestCert: true, rejectUnauthorized: true } });
      });

      it('M67 a registry that is not trusted is an error at once', async () => {
        await expect(client(secure.url).idOf(subject, LONG)).rejects.toThrow(RegistryTlsError);
        expect(secure.requests).toEqual([]);
      });

      it('a registry that is trusted, and wants to know who we are', async () => {
        const trusted = { schemaRegistryCafile: certificates.ca };
        await expect(client(secure.url, trusted).idOf(subject, LONG)).rejects.toThrow(RegistryTlsError);
        const { cert, key } = certificates.leaf('client');
        const known = { ...trusted, schemaRegistryCertfile: cert, schemaRegistryKeyfile: key };
        expect(await client(secure.url, known).idOf(subject, LONG)).toBeGreaterThan(0);
      });
    });
  });
}

/** A schema that another service registers; its id. */
async function put(address: string, subject: string, schema: string, references?: readonly object[]): Promise<number> {
  const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' };
  const body = JSON.stringify({ schema, ...(references && { references }) });
  const answer = await fetch(`${address}/subjects/${subject}/versions`, { method: 'POST', headers, body });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { id: number }).id;
}
