import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setImmediate as immediate } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../lib/core/clock.js';
import { askPort } from '../../../lib/driver/kafka/port-probe.js';
import { RedisClients } from '../../../lib/driver/redis/redis.client.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import { redisOptions } from '../../../lib/options/redis.options.js';
import { TestLog } from '../../support/test-log.js';

const CHANNEL = 'net.client.socket';

/** TLS tells of a certificate that is not trusted, and may tell of the server's answer to that as well. An error that nobody hears ends the process. */
describe('a socket that fails twice', () => {
  let server: Server;
  const sockets: Socket[] = [];
  const take = (message: unknown) => sockets.push((message as { readonly socket: Socket }).socket);

  beforeEach(async () => {
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    subscribe(CHANNEL, take);
  });

  afterEach(() => {
    unsubscribe(CHANNEL, take);
    for (const socket of sockets.splice(0)) socket.destroy();
    server.close();
  });

  const port = () => (server.address() as AddressInfo).port;

  function failTwice(): void {
    for (const text of ['first', 'second']) sockets[0]?.emit('error', new Error(text));
  }

  it('is heard twice where it is a connection to Redis', async () => {
    const input = { url: `redis://127.0.0.1:${port()}` };
    const options = resolveOptions(redisOptions, { path: '', input, faults: [] });
    const states: string[] = [];
    const context = {
      connection: 'default',
      log: new TestLog(),
      clock: systemClock,
      onStatus: ({ state }: { readonly state: string }) => states.push(state),
    };
    const client = new RedisClients({ Redis }, options, context).command();
    onTestFinished(() => client.disconnect());
    await once(client, 'connect');
    await immediate();
    expect(failTwice).not.toThrow();
    expect(states).toContain('down');
  });

  it('is heard twice where a port is looked at', async () => {
    const asking = askPort({ host: '127.0.0.1', port: port() }, Buffer.from('?'));
    expect(failTwice).not.toThrow();
    expect(await asking).toMatchObject({ error: { message: 'first' } });
  });
});
