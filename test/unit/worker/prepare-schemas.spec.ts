import { Injectable, type INestApplicationContext } from '@nestjs/common';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  Consumer,
  EventTopic,
  IncompatibleSchemaError,
  InvalidSchemaError,
  type MemoryOptions,
  messagingMicroservice,
  MessagingHealthIndicator,
  MessagingModule,
  Producer,
  ProducerService,
  RegistryTlsError,
  SubjectNotFoundError,
  Worker,
} from '../../../lib/index.js';
import { Line, Stock } from '../../support/avro-models.js';
import { Certificates } from '../../support/certificates.js';
import { FakeRegistry, type Fault } from '../../support/fake-registry.js';
import { startApp, testModule, type AppSpec } from '../../support/test-app.js';

@Injectable()
class Counting {
  @Worker({ topic: 'orders', outputTopic: Stock })
  async count(): Promise<Line> {
    return { sku: 'a', count: 1 };
  }
}

@Injectable()
class Plain {
  @Worker({ topic: 'orders', outputTopic: 'stock' })
  async count(): Promise<object> {
    return {};
  }
}

class Lines extends EventTopic {
  static readonly topicName = 'lines';
  static readonly schema = Line;
  static override readonly format = 'avro';
}

@Injectable()
class Publishing {
  @Producer({ topic: Lines })
  async publish(): Promise<Line> {
    return { sku: 'a', count: 1 };
  }
}

@Injectable()
class Reading {
  @Consumer({ topic: Lines })
  async onLine(_line: Line) {}
}

/** What was registered before needs a field that the new schema has not. */
const OLDER = JSON.stringify({
  type: 'record',
  name: 'Line',
  namespace: 'com.example',
  fields: [{ name: 'sku', type: 'string' }],
});
const LOOK = 'GET /schemas/types';
const VALUE = 'POST /subjects/stock-value/versions';

describe('the schemas of what an app writes', () => {
  let registry: FakeRegistry;
  const apps: { readonly app: INestApplicationContext }[] = [];
  beforeEach(async () => void (registry = await FakeRegistry.start()));
  afterEach(async () => {
    for (const { app } of apps.splice(0)) await app.close();
    await registry.stop();
  });

  const start = (more: MemoryOptions = {}, handler: new () => unknown = Counting) =>
    startWith({ providers: [handler] }, more);
  const startWith = async (spec: AppSpec, more: MemoryOptions = {}) => {
    const memory = { schemaRegistryUrl: registry.url, schemaRegistryTimeoutMs: 200, ...more };
    const started = await startApp({ options: { memory }, ...spec });
    apps.push(started);
    return started;
  };
  /** A hybrid app, whose microservices are started before its modules are, or one that handles nothing. */
  const startWeb = async (spec: AppSpec, isHybrid: boolean) => {
    const app = (await testModule(spec).compile()).createNestApplication({ logger: false });
    apps.push({ app });
    if (isHybrid) app.connectMicroservice(messagingMicroservice());
    if (isHybrid) await app.startAllMicroservices();
    return { app: await app.init() };
  };
  const LINES = 'POST /subjects/lines-value/versions';
  const declared = [MessagingModule.forFeature([Lines])];

  it('are registered at start, keys too; an app without Avro asks nothing', async () => {
    await start();
    expect(registry.requests).toEqual([LOOK, VALUE, 'POST /subjects/stock-key/versions']);
    registry.requests.length = 0;
    await start({}, Plain);
    expect(registry.requests).toEqual([]);
  });

  it.each<[string, AppSpec, string[]]>([
    ['@Producer names', { providers: [Publishing] }, [LOOK, LINES]],
    ['forFeature names and no handler reads', { imports: declared }, [LOOK, LINES]],
    ['both name', { imports: declared, providers: [Publishing] }, [LOOK, LINES]],
    ['a handler reads and @Producer names', { providers: [Reading, Publishing] }, [LOOK, LINES]],
    ['a handler reads', { providers: [Reading] }, [LOOK]],
    ['a handler reads and forFeature names', { imports: declared, providers: [Reading] }, [LOOK]],
  ])('of a topic that %s', async (_who, spec, requests) => {
    await startWith(spec);
    expect(registry.requests).toEqual(requests);
  });

  it.each<[string, AppSpec]>([
    ['@Producer', { providers: [Publishing] }],
    ['forFeature', { imports: declared }],
  ])('fail the start where the registry refuses them, and wait where it is down: %s', async (_who, spec) => {
    registry.fault = { status: 503, body: 'busy' };
    const { app, log } = await startWith(spec);
    expect(log.texts('warn').join()).toContain('Messages that need the registry wait for it.');
    registry.fault = undefined;
    await app.get(ProducerService).send({ topic: Lines, message: { sku: 'a', count: 1 } });
    expect(registry.requests).toEqual([LOOK, LINES]);
    registry.add('other-value', OLDER);
    registry.add('lines-value', OLDER);
    await expect(startWith(spec)).rejects.toThrow(IncompatibleSchemaError);
  });

  it.each(['a microservice', 'a hybrid app', 'an app that only sends'])(
    'of @Producer on another connection are registered there, in %s',
    async (kind) => {
      @Injectable()
      class Elsewhere {
        @Producer({ topic: Lines, broker: 'second' })
        async publish(): Promise<Line> {
          return { sku: 'a', count: 1 };
        }
      }
      const second = { kind: 'memory', schemaRegistryUrl: registry.url } as const;
      const options = { broker: 'memory', memory: {}, connections: { second } };
      const spec = { options, providers: [Elsewhere] };
      const { app } = kind === 'a microservice' ? await startWith(spec) : await startWeb(spec, kind === 'a hybrid app');
      expect(registry.requests).toEqual([LOOK, LINES]);
      const { messaging } = app.get(MessagingHealthIndicator).readiness();
      expect(messaging.connections).toEqual({ memory: 'up' }); // a broker that is only sent to makes nobody unwell
    },
  );

  it('M25 409: an incompatible one fails the start, with what the registry says of it', async () => {
    registry.add('stock-value', OLDER);
    const starting = start();
    await expect(starting).rejects.toThrow(IncompatibleSchemaError);
    await expect(starting).rejects.toMatchObject({ status: 409, messages: ['a field without a default'] });
    await expect(starting).rejects.toThrow('a field without a default');
  });

  it('M26 422: one that the registry does not take fails the start', async () => {
    registry.faults.push(undefined, { status: 422, body: '{"error_code":42201,"message":"no"}' });
    await expect(start()).rejects.toThrow(InvalidSchemaError);
  });

  it('M27 404: one that is not there, where none is registered by us, fails the start', async () => {
    const starting = start({ schemaRegistryAutoRegister: false });
    await expect(starting).rejects.toThrow(SubjectNotFoundError);
    await expect(starting).rejects.toThrow('Register the schema, or set `schemaRegistryAutoRegister`.');
  });

  it.each<[string, Fault]>([
    ['does not answer', { status: 503, body: 'busy' }],
    ['does not let us in', { status: 401, body: '{}' }],
  ])('a registry that %s is a line at start: what needs it waits', async (_what, fault) => {
    registry.fault = fault;
    const { log } = await start();
    expect(log.texts('warn').join()).toMatch(
      /answered GET \/schemas\/types .+ Messages that need the registry wait for it\./,
    );
    expect(registry.requests).toEqual([LOOK]);
  });

  it('M28 a certificate that is not trusted fails the start', async () => {
    const certificates = new Certificates();
    const { cert, key } = certificates.leaf('registry');
    const server = https.createServer({ cert: readFileSync(cert), key: readFileSync(key) });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const schemaRegistryUrl = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const starting = start({ schemaRegistryUrl, schemaRegistryTimeoutMs: 5_000 });
    await expect(starting).rejects.toThrow(RegistryTlsError);
    await expect(starting).rejects.toThrow('Set `schemaRegistryCafile`');
    server.close();
    certificates.remove();
  });
});
