import { once } from 'node:events';
import { createServer } from 'node:net';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../../lib/core/clock.js';
import { MessagingError } from '../../../lib/core/errors.js';
import type { SendResult } from '../../../lib/core/message.js';
import type { TopicDescription } from '../../../lib/driver/driver.js';
import type { RedisOptions } from '../../../lib/options/redis.options.js';
import { freePorts } from '../../support/brokers/process.js';
import { RedisServer } from '../../support/brokers/redis.js';
import { brokerAddress } from '../../support/brokers/with-broker.js';
import { workerOf } from '../../support/engine-app.js';
import { eventually } from '../../support/eventually.js';
import { hasProgram } from '../../support/programs.js';
import { TestMember } from '../../contract/test-member.js';
import { record } from '../../support/records.js';
import { startApp } from '../../support/test-app.js';
import { createDriver, type OpenedDriver } from './support.js';

const QUIET = ['--save', '', '--appendonly', 'no'];
const hasOpenssl = hasProgram('openssl', 'apt-get install openssl');

describe.runIf(brokerAddress('redis') !== undefined)('a Redis connection at start', () => {
  const stops: (() => Promise<void> | void)[] = [];
  let opened: OpenedDriver;

  const start = async (...args: string[]): Promise<RedisServer> => {
    const server = await RedisServer.start([...QUIET, ...args]);
    stops.push(() => server.stop());
    return server;
  };
  const admin = (server: RedisServer): Redis => {
    const client = new Redis(server.url, { protocol: 2 });
    stops.push(() => client.disconnect());
    return client;
  };
  /** How the start ends: its error, or undefined. */
  const connect = async (options: RedisOptions): Promise<MessagingError | undefined> => {
    opened = await createDriver(options);
    stops.push(() => opened.driver.close(deadlineIn(systemClock, 1_000)));
    return opened.driver.connect().then(
      () => undefined,
      (error: MessagingError) => error,
    );
  };

  beforeEach(() => void stops.splice(0));

  afterEach(async () => {
    for (const stop of stops.reverse()) await stop();
  });

  it('names the address that does not answer, and may be tried again', async () => {
    const [port] = await freePorts(1);
    const error = await connect({ url: `redis://127.0.0.1:${port}` });
    expect(error).toMatchObject({ code: 'BROKER_UNAVAILABLE', retryable: true });
    expect(error?.message).toContain(`127.0.0.1:${port}`);
  });

  it('refuses a wrong password, a wrong user and a missing password, without telling it', async () => {
    const server = await start();
    await admin(server).call('ACL', ['SETUSER', 'app', 'on', '>secret', '~*', '+@all']);
    await admin(server).call('CONFIG', ['SET', 'requirepass', 'secret']);
    const { port } = server;
    for (const login of ['app:wrong-word@', 'nobody:wrong-word@', '']) {
      const error = await connect({ url: `redis://${login}127.0.0.1:${port}` });
      expect(error).toMatchObject({ code: 'AUTHENTICATION', retryable: false });
      expect(error?.message).not.toContain('wrong-word');
    }
    expect(await connect({ url: `redis://app:secret@127.0.0.1:${port}` })).toBeUndefined();
  });

  it('names every command that the user may not run', async () => {
    const server = await start();
    await admin(server).call('ACL', ['SETUSER', 'app', 'on', '>p', '~*', '+@all', '-xadd', '-xclaim', '-zadd']);
    const error = await connect({ url: `redis://app:p@127.0.0.1:${server.port}` });
    expect(error).toMatchObject({ code: 'AUTHORIZATION', retryable: false });
    expect(error?.message).toContain('may not run XADD, XCLAIM, ZADD. Grant it: ACL SETUSER app +xadd +xclaim +zadd');
  });

  it('works with no more than the permissions that it asks for', async () => {
    const server = await start();
    await admin(server).call('ACL', ['SETUSER', 'app', 'on', '>p', '~*', '-@all', '+ping', '+info']);
    const url = `redis://app:p@127.0.0.1:${server.port}`;
    const refusal = await connect({ url });
    const [, grants = ''] = /Grant it: ACL SETUSER app (.+)$/.exec(refusal?.message ?? '') ?? [];
    await admin(server).call('ACL', ['SETUSER', 'app', ...grants.split(' '), '+client|setname']);
    expect(await connect({ url, claimIdleMs: 300, leaseMs: 300, blockMs: 100 })).toBeUndefined();
    await admin(server).call('ACL', ['LOG', 'RESET']);
    const { driver } = opened;
    const topics = ['plain', 'parted'];
    await driver.admin.create([
      { topic: 'plain' },
      { topic: 'parted', partitions: 3 },
      { topic: 'out', retentionMs: 1_000 },
    ]);
    const handle = () => ({ kind: 'ack' as const, outputs: [record('out', 'x')] });
    const member = TestMember.join(driver, { topics, groupId: 'group', handle });
    const list = topics.flatMap((topic) => [
      record(topic, '1'),
      record(topic, '2', { dueAt: Date.now() + 100 }),
      record(topic, '3', { idempotencyKey: 'once' }),
    ]);
    expect((await driver.send(list, Date.now() + 5_000)).filter((one) => one instanceof MessagingError)).toEqual([]);
    await eventually(() => expect(member.settled).toHaveLength(6));
    await admin(server).call('XGROUP', ['DESTROY', 'plain', 'group']);
    await eventually(() => expect(opened.log.texts('error').join()).toContain('had vanished'));
    await driver.close(deadlineIn(systemClock, 3_000));
    expect(await admin(server).call('ACL', ['LOG'])).toEqual([]);
  });

  it('refuses a server that is too old', async () => {
    const info = 'redis_version:6.2.14\r\nrole:master\r\n';
    const old = createServer((socket) =>
      socket.on('data', (data) => {
        const isInfo = /\r\ninfo\r\n/i.test(String(data));
        socket.write(isInfo ? `$${info.length}\r\n${info}\r\n` : '+OK\r\n'.repeat(String(data).split('*').length - 1));
      }),
    );
    old.listen(0, '127.0.0.1');
    await once(old, 'listening');
    stops.push(() => void old.close());
    const error = await connect({ url: `redis://127.0.0.1:${(old.address() as { port: number }).port}` });
    expect(error).toMatchObject({ code: 'UNSUPPORTED_BY_BROKER', retryable: false });
    expect(error?.message).toContain('is Redis 6.2.14; it must be 7.0 or newer');
  });

  it('refuses a replica, and names its master', async () => {
    const master = await start();
    const replica = await start('--replicaof', '127.0.0.1', String(master.port));
    const error = await connect({ url: replica.url });
    expect(error).toMatchObject({ code: 'READ_ONLY_REPLICA', retryable: false });
    expect(error?.message).toContain(`127.0.0.1:${master.port}`);
  });

  it('refuses a cluster, with the reason', async () => {
    const server = await start('--cluster-enabled', 'yes');
    const error = await connect({ url: server.url });
    expect(error).toMatchObject({ code: 'UNSUPPORTED_BY_BROKER', retryable: false });
    expect(error?.message).toContain('is a Redis Cluster, which is not supported yet');
  });

  it('warns of a policy that removes streams', async () => {
    const server = await start('--maxmemory-policy', 'allkeys-lru');
    expect(await connect({ url: server.url })).toBeUndefined();
    expect(opened.log.texts('warn')).toEqual([expect.stringContaining('`maxmemory-policy` is allkeys-lru')]);
  });

  it('refuses messages that are larger than the server takes, which would break its connection', async () => {
    const server = await start('--proto-max-bulk-len', '2mb');
    expect(await connect({ url: server.url, maxMessageBytes: 2_097_152 })).toBeUndefined();
    await opened.driver.admin.create([{ topic: 'orders' }]);
    const [sent] = await opened.driver.send([record('orders', Buffer.alloc(2_097_088))], Date.now() + 5_000);
    expect(sent).toMatchObject({ topic: 'orders', partition: 0 });
    const error = await connect({ url: server.url, maxMessageBytes: 2_097_153 });
    expect(error).toMatchObject({ code: 'UNSUPPORTED_BY_BROKER', retryable: false });
    expect(error?.message).toContain(
      'takes values of at most 2097152 bytes (`proto-max-bulk-len`); `maxMessageBytes` is 2097153. Lower it, or raise',
    );
    await admin(server).call('ACL', ['SETUSER', 'app', 'on', '>p', '~*', '+@all', '-config']);
    expect(
      await connect({ url: `redis://app:p@127.0.0.1:${server.port}`, maxMessageBytes: 2_097_153 }),
    ).toBeUndefined();
  });

  it("names the key that has a topic's name and is no stream", async () => {
    const server = await start();
    await admin(server).set('orders', 'x');
    await connect({ url: server.url });
    await expect(opened.driver.admin.describe(['orders'])).rejects.toMatchObject({ code: 'TOPIC_TYPE' });
    const [result] = await opened.driver.send([record('orders', 'x')], Date.now() + 5_000);
    expect(result).toMatchObject({ code: 'TOPIC_TYPE', message: expect.stringContaining('got a string') as string });
  });

  it("fails the start of an app where its topic's key is no stream", async () => {
    const server = await start();
    await admin(server).set('orders', 'x');
    const providers = [workerOf({ options: { topic: 'orders' }, process: () => {} })];
    await expect(startApp({ options: { broker: 'redis', redis: { url: server.url } }, providers })).rejects.toThrow(
      'Expected the key `orders` to hold the stream of topic `orders`, got a string. Rename the topic, or remove that key.',
    );
  });

  it('refuses another number of partitions than a topic has', async () => {
    const server = await start();
    await connect({ url: server.url });
    const { admin: topics } = opened.driver;
    await topics.create([{ topic: 'orders', partitions: 4 }]);
    const [found] = await topics.describe(['orders']);
    for (const partitions of [4, undefined])
      expect(topics.refusal?.({ topic: 'orders', partitions }, found as TopicDescription)).toBeUndefined();
    expect(topics.refusal?.({ topic: 'orders', partitions: 8 }, found as TopicDescription)).toBe(
      'Topic `orders` is declared with `partitions` 8, and has 4 on the server. Declare 4, or take a new topic.',
    );
  });

  it('ends a send at its deadline while the server is away, and says how far it came', async () => {
    const server = await start();
    await connect({ url: server.url, deliveryTimeoutMs: 500 });
    await opened.driver.admin.create([{ topic: 'known' }, { topic: 'other' }]);
    await opened.driver.send([record('known', 'x')], Date.now() + 5_000);
    await server.kill();
    const sends = ['known', 'never-seen'].map((topic) => opened.driver.send([record(topic, 'x')], Date.now() + 500));
    const started = Date.now();
    const [[known], [unseen]] = (await Promise.all(sends)) as [SendResult[], SendResult[]];
    expect(Date.now() - started).toBeLessThan(2_500);
    expect(known).toMatchObject({ code: 'DELIVERY_TIMEOUT', state: 'unknown' });
    expect(unseen).toMatchObject({ code: 'DELIVERY_TIMEOUT', state: 'not-written' });
  });

  it('refuses a compacted topic', async () => {
    const server = await start();
    await connect({ url: server.url });
    const creating = opened.driver.admin.create([{ topic: 'state', cleanupPolicy: 'compact' }]);
    await expect(creating).rejects.toMatchObject({ code: 'UNSUPPORTED_BY_BROKER' });
  });

  it.runIf(hasOpenssl)('speaks TLS, with a certificate that it was told to trust, and with no other', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nestjs-messaging-tls-'));
    stops.push(() => rmSync(folder, { recursive: true }));
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', cert];
    execFileSync('openssl', [...request, ...subject], { stdio: 'ignore' });
    const [port = 0] = await freePorts(1);
    const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert];
    await start('--tls-port', String(port), '--tls-auth-clients', 'no', ...files);
    const url = `rediss://localhost:${port}`;
    expect(await connect({ url, sslCafile: cert })).toBeUndefined();
    await opened.driver.admin.create([{ topic: 'secure' }]);
    const [sent] = await opened.driver.send([record('secure', 'x')], Date.now() + 5_000);
    expect(sent).toMatchObject({ topic: 'secure' });
    const error = await connect({ url });
    expect(error).toMatchObject({ code: 'AUTHENTICATION', retryable: false });
    expect(error?.message).toContain('sslCafile');
  });

  it('tells when the server goes, and when it is back', async () => {
    const server = await start();
    await connect({ url: server.url });
    await server.kill();
    await eventually(() => expect(opened.statuses.at(-1)).toMatchObject({ state: 'down' }));
    await server.restart();
    await eventually(() => expect(opened.statuses.at(-1)).toEqual({ state: 'up' }));
  });
});
