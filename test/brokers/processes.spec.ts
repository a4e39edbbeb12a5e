import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Child } from '../support/child.js';
import { eventually } from '../support/eventually.js';
import { brokerAddress } from '../support/brokers/with-broker.js';

const VARIABLES = ['KAFKA_BOOTSTRAP_SERVERS', 'REDIS_URL', 'KAFKA_SCHEMA_REGISTRY_URL'];
const isNative = process.env['TEST_KAFKA_BOOTSTRAP_SERVERS'] === undefined;

describe.runIf(isNative && brokerAddress('kafka') !== undefined)('npm run brokers', () => {
  const children: Child[] = [];
  const run = (env: NodeJS.ProcessEnv = {}): Child => {
    const child = Child.script('test/support/brokers/main.ts', env);
    children.push(child);
    return child;
  };
  const portsOf = async (child: Child): Promise<number[]> => {
    const lines = await Promise.all(
      VARIABLES.map((variable) => child.line(new RegExp(`^export ${variable}=`), 60_000)),
    );
    return lines.map((line) => Number(/:(\d+)(\/|$)/.exec(line)?.[1]));
  };

  afterEach(async () => {
    await Promise.all(children.splice(0).map((child) => child.kill()));
  });

  it('starts a set for a person and prints its exports; two sets do not disturb each other; Ctrl-C ends them', async () => {
    const [first, second] = [run(), run()];
    const ports = [...(await portsOf(first)), ...(await portsOf(second))];
    expect(new Set(ports).size).toBe(6);
    expect(await Promise.all(ports.map(isOpen))).toEqual(ports.map(() => true));
    first.signal('SIGINT');
    expect(await first.end()).toBe(0);
    expect(await Promise.all(ports.map(isOpen))).toEqual([false, false, false, true, true, true]);
  });

  it('leaves nothing behind when it is killed', async () => {
    const brokers = run();
    const ports = await portsOf(brokers);
    await brokers.kill();
    await eventually(async () => expect(await Promise.all(ports.map(isOpen))).toEqual([false, false, false]));
  });

  it('names the package to install when Java or Redis is missing, and fails where CI is set', async () => {
    const missing = { BROKERS_JAVA: 'no-java-here', REDIS_SERVER: 'no-redis-here' };
    const person = run({ ...missing, CI: '' });
    expect(await person.line(/^# KAFKA_BOOTSTRAP_SERVERS/)).toContain('apt-get install openjdk-17-jre-headless maven');
    expect(await person.line(/^# REDIS_URL/)).toContain('apt-get install redis-server');
    const machine = run({ ...missing, CI: 'true' });
    await machine.line(/MissingProgram/);
    expect(await machine.end()).toBe(1);
  });
});

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
