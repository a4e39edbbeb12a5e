import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { brokerAddress, kafkaBackends } from '../support/brokers/with-broker.js';
import { unique } from '../support/unique.js';
import { Project } from './project.js';

describe.runIf(kafkaBackends().includes('confluent'))('messaging kafka with KAFKA_BACKEND=confluent', () => {
  let project: Project;
  const ok = async (args: readonly string[], input?: string): Promise<string> => {
    const ended = await project.run(['kafka', ...args], input);
    expect(ended).toMatchObject({ code: 0 });
    return ended.stdout;
  };
  const json = async (args: readonly string[]): Promise<unknown> => JSON.parse(await ok([...args, '--json']));

  beforeAll(() => {
    project = new Project({ KAFKA_BOOTSTRAP_SERVERS: brokerAddress('kafka'), KAFKA_BACKEND: 'confluent' });
  });

  afterAll(() => project.remove());

  it('administers topics and groups, sends and prints', async () => {
    const [topic, group] = [unique('cli'), unique('group')];
    await ok(['create-topic', topic, '-p', '2', '--config', 'retention.ms=7200000']);
    await ok(['produce', topic, '-k', 'customer-7', '-H', 'source=cli'], '{"id":1}\n{"id":2}\n');
    expect(await ok(['consume', topic, '--from', 'beginning', '--exit-at-end'])).toBe('{"id":1}\n{"id":2}\n');
    expect(await json(['describe-topic', topic])).toMatchObject({ topic, configs: { 'retention.ms': '7200000' } });
    await ok(['consume', topic, '--group', group, '--commit', '-n', '2']);
    await ok(['group', 'seek', group, '--topic', topic, '--to', '1', '--execute', '--yes']);
    expect(await json(['group', 'describe', group])).toMatchObject({ state: 'empty', members: 0 });
    await ok(['delete-topic', topic, '--yes']);
    expect(await ok(['topics'])).not.toContain(topic);
  });
});
