import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { eventually } from '../../support/eventually.js';
import {
  ask,
  freePorts,
  ServerProcess,
  startOnFreePorts,
  startWhole,
  temporaryFolder,
} from '../../support/brokers/process.js';

const ECHO = `require('node:net').createServer((socket) => socket.pipe(socket)).listen(+process.argv[1], '127.0.0.1')`;

/** What ended the shell that would end the server, by a number that may be somebody else's by then. */
function guardOf(server: ServerProcess): NodeJS.Signals | null {
  return (server as unknown as { readonly guard: ChildProcess }).guard.signalCode;
}

describe('a server that is started for tests', () => {
  let other: Server;
  let taken: number;
  const folders: string[] = [];
  const servers: ServerProcess[] = [];
  const boot = async (port: number): Promise<ServerProcess> => {
    const folder = temporaryFolder('echo');
    folders.push(folder);
    const server = ServerProcess.start({
      name: 'echo',
      command: process.execPath,
      args: ['-e', ECHO, String(port)],
      folder,
    });
    servers.push(server);
    const isReady = () => ask(port, 'ping', (answer) => answer.toString() === 'ping');
    return startWhole(server, () => server.ready(isReady, 10_000));
  };

  beforeEach(async () => {
    other = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    taken = (other.address() as AddressInfo).port;
  });

  afterEach(async () => {
    vi.restoreAllMocks();
    await new Promise((resolve) => other.close(resolve));
    servers.length = 0;
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });

  it('is started again on other ports when its own was taken, and the reason is told', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const [free = 0] = await freePorts(1);
    const ports = [taken, free];
    const server = await startOnFreePorts(() => boot(ports.shift() ?? 0));
    expect(server.isRunning).toBe(true);
    await server.stop();
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn).toHaveBeenCalledWith(
      expect.stringMatching(/^attempt 1 of 3: echo ended \(exit code 1\):[^]*EADDRINUSE/),
    );
  });

  it('is given up after the third start', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    await expect(startOnFreePorts(() => boot(taken))).rejects.toThrow('EADDRINUSE');
    expect(warn).toHaveBeenCalledTimes(2);
    await eventually(() => expect(servers.map(guardOf)).toEqual(['SIGKILL', 'SIGKILL', 'SIGKILL']));
  });
});
