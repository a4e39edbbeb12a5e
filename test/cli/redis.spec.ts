import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { brokerAddress } from '../support/brokers/with-broker.js';
import { unique } from '../support/unique.js';
import { Project } from './project.js';

const redis = brokerAddress('redis');

describe.runIf(redis !== undefined)('messaging redis', () => {
  let project: Project;

  beforeAll(() => {
    project = new Project({ REDIS_URL: redis, MESSAGING_BROKER: 'redis' });
    project.buildApp();
  });

  afterAll(() => project.remove());

  it('creates a topic, sends to it, and runs the handlers of the app that read it', async () => {
    const topic = unique('cli');
    const names = { TOPIC: topic, OUTPUT: `${topic}-out`, GROUP: `${topic}-group` };
    const created = await project.run(['redis', 'create-topic', topic, '--partitions', '2']);
    expect(created).toEqual({ code: 0, stdout: '', stderr: `Created topic ${topic} with 2 partitions.\n` });
    const worker = project.start(['redis', 'worker', '--all'], names);
    await worker.line(/TaskWorker ← .*redis/);
    const sent = await project.run(['redis', 'produce', topic, '-k', 'a'], '{"id":1}\n{"id":2}\n');
    expect(sent).toMatchObject({ code: 0, stderr: `Sent 2 messages to ${topic}.\n` });
    await worker.line(/^end 2$/);
    await worker.line(/^audit 2$/);
    worker.signal('SIGTERM');
    expect(await worker.end()).toBe(0);
    const audit = project.start(['redis', 'consume', topic, '--group', `${names.GROUP}-audit`], names);
    await audit.line(/^Running Audit\.onTask of /);
    await project.run(['redis', 'produce', topic, '-k', 'a', '--url', redis ?? ''], '{"id":3}\n');
    await audit.line(/^audit 3$/);
    audit.signal('SIGINT');
    expect(await audit.end()).toBe(0);
  });

  it('says what it cannot: print, which would need reading beside the groups', async () => {
    const topic = unique('cli');
    await project.run(['redis', 'create-topic', topic]);
    const { code, stderr } = await project.run(['redis', 'consume', topic, '--from', 'beginning']);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "The driver of connection `redis` cannot be asked for that. Use the broker's own tools.\n",
    });
    expect(await project.run(['redis', 'create-topic', topic, '--replication-factor', '1'])).toMatchObject({
      code: 64,
    });
  });
});
