import { beforeAll, afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/core/clock.js';
import { registryOptions, type ResolvedRegistryOptions } from '../../lib/options/registry.options.js';
import { resolveOptions } from '../../lib/options/resolve-options.js';
import {
  IncompatibleSchemaError,
  InvalidSchemaError,
  SchemaNotFoundError,
  SubjectNotFoundError,
} from '../../lib/registry/errors.js';
import { SchemaRegistry } from '../../lib/registry/schema-registry.js';
import { unique } from '../support/unique.js';

/** The options of a client of `url`, resolved as an app's are. */
export function registryClientOptions(schemaRegistryUrl: string, more: object = {}): ResolvedRegistryOptions {
  return resolveOptions(registryOptions, { path: '', input: { schemaRegistryUrl, ...more }, faults: [] });
}

const record = (name: string, ...fields: object[]) => JSON.stringify({ type: 'record', name, namespace: 'x', fields });

/** What the client promises of any registry with Confluent's API. */
export function registryContract(name: string, address: () => string): void {
  describe(`a schema registry: ${name}`, () => {
    let registry: SchemaRegistry;
    beforeAll(() => {
      registry = new SchemaRegistry(registryClientOptions(address()), systemClock);
    });
    afterAll(() => registry.close());

    it('gives the same id for the same schema, and the schema for the id', async () => {
      const subject = `${unique('subject')}-value`;
      const schema = record('R', { name: 'a', type: 'long' });
      const id = await registry.idOf(subject, schema);
      const other = new SchemaRegistry(registryClientOptions(address()), systemClock);
      expect(await other.idOf(subject, schema)).toBe(id);
      const found = await other.byId(id);
      expect(found).toMatchObject({ schemaType: 'AVRO', references: [] });
      expect(JSON.parse(found.schema)).toEqual(JSON.parse(schema));
      other.close();
    });

    it('can be looked after without a subject or a schema', async () => {
      await expect(registry.check()).resolves.toBeUndefined();
    });

    it('takes subjects with any letters', async () => {
      const subject = `${unique('sub ject/ü')}-value`;
      expect(await registry.idOf(subject, '"long"')).toBeGreaterThan(0);
    });

    it('finds what is registered without registering, where that is off', async () => {
      const lookup = new SchemaRegistry(
        registryClientOptions(address(), { schemaRegistryAutoRegister: false }),
        systemClock,
      );
      const subject = `${unique('subject')}-value`;
      await expect(lookup.idOf(subject, '"long"')).rejects.toThrow(SubjectNotFoundError);
      const id = await registry.idOf(subject, '"long"');
      expect(await lookup.idOf(subject, '"long"')).toBe(id);
      lookup.close();
    });

    it('says which subjects have a schema', async () => {
      const subject = `${unique('subject')}-value`;
      const id = await registry.idOf(subject, record(unique('S').replaceAll('-', '_'), { name: 'a', type: 'long' }));
      expect(await registry.subjectsOf(id)).toEqual([subject]);
    });

    it('takes schemas that are to be normalized', async () => {
      const options = registryClientOptions(address(), { schemaRegistryNormalize: true });
      const normalizing = new SchemaRegistry(options, systemClock);
      const subject = `${unique('subject')}-value`;
      const id = await normalizing.idOf(subject, record('N', { name: 'a', type: 'long' }));
      expect((await registry.byId(id)).schema).toContain('"N"');
      normalizing.close();
    });

    it('says that an id is not there', async () => {
      await expect(registry.byId(1_999_999_999)).rejects.toThrow(SchemaNotFoundError);
    });

    it('says whether a subject takes a schema, before and when it is registered', async () => {
      const subject = `${unique('subject')}-value`;
      const first = record('C', { name: 'a', type: 'long' });
      const worse = record('C', { name: 'a', type: 'long' }, { name: 'b', type: 'string' });
      const better = record('C', { name: 'a', type: 'long' }, { name: 'b', type: 'string', default: '' });
      expect(await registry.compatibility(subject, first)).toMatchObject({ isCompatible: true });
      await registry.idOf(subject, first);
      expect(await registry.compatibility(subject, better)).toMatchObject({ isCompatible: true });
      expect(await registry.compatibility(subject, worse)).toMatchObject({ isCompatible: false });
      await expect(registry.idOf(subject, worse)).rejects.toThrow(IncompatibleSchemaError);
    });

    it('says that a schema is none', async () => {
      await expect(registry.idOf(`${unique('subject')}-value`, '{"type":"nothing"}')).rejects.toThrow(
        InvalidSchemaError,
      );
    });
  });
}
