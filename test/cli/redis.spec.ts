import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { unique } from '../support/unique.js';
import { CLI_BROKERS, CommandLine, namesOf } from './command-line.js';

const [broker] = CLI_BROKERS.filter(({ place }) => place === 'redis');

describe.runIf(broker?.address !== undefined)('messaging redis: what only Redis has', () => {
  let cli: CommandLine;
  let client: Redis;
  let topic: string;

  beforeAll(() => {
    cli = new CommandLine(broker as NonNullable<typeof broker>);
    client = new Redis(broker?.address ?? '', { protocol: 2 });
  });

  afterAll(async () => {
    client.disconnect();
    await cli.project.remove();
  });

  beforeEach(async () => {
    topic = unique('cli');
    await cli.ok(['create-topic', topic]);
  });

  it('leaves no key of a topic that is deleted', async () => {
    await cli.ok(['produce', topic, '-k', 'a'], '1\n');
    await cli.ok(['consume', topic, '--group', unique('group'), '--commit', '-n', '1']);
    await cli.ok(['delete-topic', topic, '--yes']);
    expect(await client.keys(`*${topic}*`)).toEqual([]);
  });

  it('takes no entry of a live group by printing: what is pending stays pending, and joins no group by reading', async () => {
    const names = namesOf(topic);
    const worker = cli.project.start(['redis', 'worker', 'TaskWorker'], { ...names, HOLD_MS: '600000' });
    await worker.line(/TaskWorker ← /);
    await cli.ok(['produce', topic], '{"id":1}\n{"id":2}\n{"id":3}\n');
    await worker.line(/^begin 2/);
    const onServer = async () => [await client.xinfo('GROUPS', topic), await client.xpending(topic, names.GROUP)];
    await eventually(async () => expect(await onServer()).toMatchObject([[{ 5: 3 }], {}])); // three pending
    const before = await onServer();
    const read = await cli.ok(['consume', topic, '--group', names.GROUP, '--exit-at-end', '--print'], '', names);
    expect(read.stdout).toBe('{"id":1}\n{"id":2}\n{"id":3}\n');
    expect((await cli.ok(['group', 'describe', names.GROUP])).stderr).toBe(
      `Group ${names.GROUP}: stable, 1 members, lag 3.\n`,
    );
    expect(await cli.run(['delete-topic', topic, '--yes'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`Group \`${names.GROUP}\` has 1 members. Stop them`),
    });
    expect(await onServer()).toEqual(before);
    await worker.kill();
  });

  it('refuses what Redis has not, with what to do instead', async () => {
    for (const args of [
      ['create-topic', topic, '--replication-factor', '1'],
      ['create-topic', topic, '--config', 'cleanup.policy=compact'],
      ['add-partitions', topic, '--partitions', '3'],
    ])
      expect(await cli.run(args)).toMatchObject({ code: 64 });
  });
});
