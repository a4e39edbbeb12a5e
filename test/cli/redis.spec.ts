import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { brokerAddress } from '../support/brokers/with-broker.js';
import { eventually } from '../support/eventually.js';
import { unique } from '../support/unique.js';
import { type Ended, Project } from './project.js';

const redis = brokerAddress('redis');

describe.runIf(redis !== undefined)('messaging redis', () => {
  let project: Project;
  let client: Redis;
  let topic: string;
  const ok = async (args: readonly string[], input?: string, env?: NodeJS.ProcessEnv): Promise<Ended> => {
    const ended = await project.run(['redis', ...args], input, env);
    expect(ended).toMatchObject({ code: 0 });
    return ended;
  };
  const json = async <T = Record<string, unknown>>(args: readonly string[]): Promise<T[]> => {
    const { stdout } = await ok([...args, '--json']);
    const lines = stdout.split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as T);
  };
  const names = () => ({ TOPIC: topic, OUTPUT: `${topic}-out`, GROUP: `${topic}-group` });
  /** Where the group is on the server: what the admin says and what Redis says. */
  const groupOnServer = async (groupId: string) => {
    const rows = (await client.xinfo('GROUPS', topic)) as (string | number)[][];
    return rows.filter((row) => row[1] === groupId);
  };

  beforeAll(() => {
    project = new Project({ REDIS_URL: redis, MESSAGING_BROKER: 'redis' });
    project.buildApp();
    client = new Redis(redis ?? '', { protocol: 2 });
  });

  afterAll(async () => {
    client.disconnect();
    await project.remove();
  });

  beforeEach(() => {
    topic = unique('cli');
  });

  it('creates, lists, describes and deletes a topic, and leaves nothing of it', async () => {
    const created = await ok(['create-topic', topic, '--partitions', '2']);
    expect(created).toMatchObject({ stdout: '', stderr: `Created topic ${topic} with 2 partitions.\n` });
    await ok(['produce', topic, '-k', 'a'], '1\n2\n');
    expect(await json(['topics'])).toContainEqual({ topic, partitions: 2, messages: 2 });
    const { stdout } = await ok(['describe-topic', topic]);
    expect(stdout).toMatch(/^partition +start +end +messages\n +0 +[\d-]+ +[\d-]+ +\d\n +1 +[\d-]+ +[\d-]+ +\d\n$/);
    expect(await project.run(['redis', 'delete-topic', topic])).toMatchObject({ code: 64 });
    await ok(['delete-topic', topic, '--yes']);
    expect(await client.keys(`${topic}*`)).toEqual([]);
    expect((await json(['topics'])).filter((one) => one['topic'] === topic)).toEqual([]);
  });

  it('runs the handlers of the app that read a topic', async () => {
    await ok(['create-topic', topic, '--partitions', '2']);
    const worker = project.start(['redis', 'worker', '--all'], names());
    await worker.line(/TaskWorker ← .*redis/);
    const sent = await ok(['produce', topic, '-k', 'a'], '{"id":1}\n{"id":2}\n');
    expect(sent.stderr).toBe(`Sent 2 messages to ${topic}.\n`);
    await worker.line(/^end 2$/);
    await worker.line(/^audit 2$/);
    worker.signal('SIGTERM');
    expect(await worker.end()).toBe(0);
    const audit = project.start(['redis', 'consume', topic, '--group', `${names().GROUP}-audit`], names());
    await audit.line(/^Running Audit\.onTask of /);
    await ok(['produce', topic, '-k', 'a', '--url', redis ?? ''], '{"id":3}\n');
    await audit.line(/^audit 3$/);
    audit.signal('SIGINT');
    expect(await audit.end()).toBe(0);
  });

  it('prints what is there and what comes, from any position; JSON lines go round', async () => {
    await ok(['create-topic', topic]);
    await ok(['produce', topic, '-k', 'customer-7', '-H', 'source=cli'], '{"id":1}\n{"id":2}\n{"id":3}\n');
    const read = await ok(['consume', topic, '--from', 'beginning', '--exit-at-end']);
    expect(read.stdout).toBe('{"id":1}\n{"id":2}\n{"id":3}\n');
    expect(read.stderr).toBe(`Printing ${topic}: no group is joined and none is moved. Ctrl-C ends.\n`);
    const lines = await json(['consume', topic, '--from', '1h', '-n', '2']);
    expect(lines).toMatchObject([
      { topic, partition: 0, key: 'customer-7', value: { id: 1 }, headers: { source: 'cli' } },
      { key: 'customer-7', value: { id: 2 } },
    ]);
    const from = await ok(['consume', topic, '--from', String(lines[1]?.['offset']), '--exit-at-end']);
    expect(from.stdout).toBe('{"id":2}\n{"id":3}\n');
    await ok(['produce', topic, '--json'], lines.map((line) => JSON.stringify(line)).join('\n'));
    const live = project.start(['redis', 'consume', topic]);
    await live.line(/^Printing/);
    await eventually(async () => {
      await ok(['produce', topic], '9\n');
      expect(live.lines).toContain('9');
    }, 30_000);
    live.signal('SIGINT');
    expect(await live.end()).toBe(0);
    expect(live.lines).not.toContain('{"id":1}');
    expect(await client.xinfo('GROUPS', topic)).toEqual([]);
  });

  it('eats no message of a live group by printing: its position, its pending and its members stay', async () => {
    await ok(['create-topic', topic]);
    const worker = project.start(['redis', 'worker', 'TaskWorker'], { ...names(), HOLD_MS: '600000' });
    await worker.line(/TaskWorker ← /);
    await ok(['produce', topic], '{"id":1}\n{"id":2}\n{"id":3}\n');
    await worker.line(/^begin 2/);
    const group = names().GROUP;
    await eventually(async () => expect(await groupOnServer(group)).toMatchObject([{ 5: 3 }])); // pending
    const before = [await groupOnServer(group), await client.xpending(topic, group)];
    const read = await ok(['consume', topic, '--group', group, '--exit-at-end', '--print'], '', names());
    expect(read.stdout).toBe('{"id":1}\n{"id":2}\n{"id":3}\n');
    expect(read.stderr).toContain(`Printing ${topic} beside group ${group}: no group is joined and none is moved`);
    expect([await groupOnServer(group), await client.xpending(topic, group)]).toEqual(before);
    const described = await ok(['group', 'describe', group]);
    expect(described.stderr).toBe(`Group ${group}: stable, 1 members, lag 3.\n`);
    for (const verb of [
      ['group', 'seek', group, '--topic', topic, '--to', 'end', '--execute', '--yes'],
      ['delete-topic', topic, '--yes'],
      ['consume', topic, '--group', group, '--commit'],
    ])
      expect(await project.run(['redis', ...verb])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(`Group \`${group}\` has 1 members. Stop them`),
      });
    expect([await groupOnServer(group), await client.xpending(topic, group)]).toEqual(before);
    await worker.kill();
  });

  it('shows lag, and moves a group only when told to execute', async () => {
    await ok(['create-topic', topic]);
    await ok(['produce', topic], '1\n2\n3\n');
    const offsets = (await client.xrange(topic, '-', '+')).map(([id]) => id);
    const group = unique('group');
    const seek = ['group', 'seek', group, '--topic', topic, '--to', String(offsets[1])];
    const dry = await ok(seek);
    expect(dry.stderr).toContain('Nothing was changed. Add --execute');
    expect(dry.stdout).toMatch(new RegExp(`${topic} +0 +- +${offsets[1]}`));
    expect(await project.run(['redis', 'group', 'describe', group])).toMatchObject({ code: 1 });
    await ok([...seek, '--execute', '--yes']);
    const shown = await ok(['group', 'describe', group]);
    expect(shown.stdout).toMatch(new RegExp(`${topic} +0 +${offsets[1]} +[\\d-]+ +2 +-`));
    expect(await json(['groups'])).toContainEqual({
      groupId: group,
      state: 'empty',
      members: 0,
      lag: 2,
      topics: [topic],
    });
    expect((await ok(['consume', topic, '--group', group, '--exit-at-end'])).stdout).toBe('2\n3\n');
    expect((await ok(['consume', topic, '--group', group, '--commit', '-n', '2'])).stdout).toBe('2\n3\n');
    expect(await json(['groups'])).toContainEqual(expect.objectContaining({ groupId: group, members: 0, lag: 0 }));
  });

  it('shows dead letters, and sends them again to the group that gave them up, once', async () => {
    await ok(['create-topic', topic]);
    const dlq = `${topic}-dlq`;
    const worker = project.start(['worker', '--all'], names());
    await worker.line(/TaskWorker ← /);
    await ok(['produce', topic, '-k', 'k1', '-H', 'source=cli'], '{"id":1,"bad":true}\n{"id":2,"bad":true}\n');
    await worker.line(/^audit 2$/);
    await eventually(async () => expect(await client.xlen(dlq)).toBe(2));
    worker.signal('SIGTERM');
    await worker.end();
    expect(await json(['dlq', 'list'])).toContainEqual({ topic: dlq, messages: 2 });
    const shown = await ok(['dlq', 'show', dlq, '--error', 'task 2']);
    expect(shown.stdout.trim().split('\n')).toHaveLength(2);
    expect(shown.stdout).toMatch(
      new RegExp(`0@[\\d-]+ .* k1 +${topic}/0@[\\d-]+ +${topic}-group .*RangeError +task 2 is bad +1 +0`),
    );
    const redrive = ['dlq', 'redrive', dlq];
    const dry = await ok([...redrive, '--dry-run', '--error', 'task 2']);
    expect(dry.stderr).toBe('1 dead letters would be sent again.\n1 did not match.\n');
    expect(await project.run(['redis', ...redrive])).toMatchObject({ code: 64 });
    expect((await ok([...redrive, '--yes', '--rate', '50'])).stderr).toContain('Sent 2 dead letters again.');
    expect((await ok([...redrive, '--yes'])).stderr).toContain('Sent 0 dead letters again.');
    const mended = project.start(['worker', '--all'], { ...names(), MENDED: '1' });
    await mended.line(/^begin 1 1$/);
    await mended.line(/^end 2$/);
    mended.signal('SIGTERM');
    expect(await mended.end()).toBe(0);
    expect(mended.lines.filter((line) => line.startsWith('audit'))).toEqual([]);
  });

  it('finds out what is wrong, with a cure for each: 0 when nothing is', async () => {
    await ok(['create-topic', topic]);
    const checked = await project.run(['redis', 'doctor'], '', names());
    expect(checked).toMatchObject({ code: 0, stdout: expect.stringMatching(/ok +127\.0\.0\.1:\d+ answers/) });
    expect(checked.stdout).toContain(`messaging redis create-topic ${topic}-out`);
    const lost = await project.run(['redis', 'doctor', '-u', 'redis://127.0.0.1:1']);
    expect(lost).toMatchObject({ code: 1, stdout: expect.stringMatching(/fail +127\.0\.0\.1:1 .*ECONNREFUSED/) });
  });

  it('refuses what Redis has not, with what to do instead', async () => {
    await ok(['create-topic', topic]);
    for (const args of [
      ['create-topic', topic, '--replication-factor', '1'],
      ['create-topic', topic, '--config', 'cleanup.policy=compact'],
      ['add-partitions', topic, '--partitions', '3'],
    ])
      expect(await project.run(['redis', ...args])).toMatchObject({ code: 64 });
    expect(await project.run(['redis', 'consume', unique('nothing'), '--from', 'beginning'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('does not exist'),
    });
  });
});
