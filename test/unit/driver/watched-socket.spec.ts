import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { watchedSocket } from '../../../lib/driver/kafkajs/watched-socket.js';

it('a socket that is gone may be ended over and over, as kafkajs does while a broker is away, without a warning of a leak', async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => {
    if (warning.name === 'MaxListenersExceededWarning') warnings.push(warning);
  };
  process.on('warning', onWarning);
  const server = createServer((client) => client.destroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  let hangUps = 0;
  const open = watchedSocket(() => hangUps++);
  const socket = open({ host: '127.0.0.1', port, ssl: undefined as never, onConnect: () => {} });
  await once(socket, 'close');
  for (let attempt = 0; attempt < 20; attempt++) socket.unref();
  await nextTurn();
  process.off('warning', onWarning);
  server.close();
  expect(warnings).toEqual([]);
  expect(hangUps).toBe(1);
});
