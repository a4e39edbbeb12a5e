import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { brokerAddress } from '../support/brokers/with-broker.js';
import { eventually } from '../support/eventually.js';
import { FakeRegistry } from '../support/fake-registry.js';
import { unique } from '../support/unique.js';
import { type Ended, Project } from './project.js';

const kafka = brokerAddress('kafka');

describe.runIf(kafka !== undefined)('messaging kafka', () => {
  let project: Project;
  let topic: string;
  const ok = async (args: readonly string[], input?: string, env?: NodeJS.ProcessEnv): Promise<Ended> => {
    const ended = await project.run(['kafka', ...args], input, env);
    expect(ended).toMatchObject({ code: 0 });
    return ended;
  };
  const json = async <T>(args: readonly string[]): Promise<T[]> => {
    const { stdout } = await ok([...args, '--json']);
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as T);
  };
  const createTopic = (partitions = 1) => ok(['create-topic', topic, '--partitions', String(partitions)]);
  const names = () => ({ TOPIC: topic, OUTPUT: `${topic}-out`, GROUP: `${topic}-group` });
  const position = async (groupId = names().GROUP) => {
    const [group] = await json<{ partitions: { topic: string; position: string }[] }>(['group', 'describe', groupId]);
    return group?.partitions.find((one) => one.topic === topic)?.position;
  };

  beforeAll(() => {
    project = new Project({ KAFKA_BOOTSTRAP_SERVERS: kafka });
    project.buildApp();
  });

  afterAll(() => project.remove());

  beforeEach(() => {
    topic = unique('cli');
  });

  it('creates, lists, describes, grows and deletes a topic', async () => {
    const created = await ok(['create-topic', topic, '-p', '2', '-r', '1', '--config', 'cleanup.policy=compact']);
    expect(created).toMatchObject({ stdout: '', stderr: `Created topic ${topic} with 2 partitions.\n` });
    expect(await json(['topics'])).toContainEqual({ topic, partitions: 2, messages: 0 });
    expect((await ok(['topics'])).stdout).toMatch(
      new RegExp(`^topic +partitions +messages\n(.*\n)*${topic} +2 +0$`, 'm'),
    );
    expect((await ok(['describe-topic', topic])).stdout).toContain('cleanup.policy=compact');
    await ok(['add-partitions', topic, '-p', '3', '--yes']);
    expect(await json(['describe-topic', topic])).toMatchObject([{ partitions: [{}, {}, {}] }]);
    await ok(['delete-topic', topic, '--yes']);
    expect(await json<{ topic: string }>(['topics'])).not.toContainEqual(expect.objectContaining({ topic }));
  });

  it('neither creates a topic twice nor deletes one unasked: 1 and 64', async () => {
    await createTopic();
    expect(await project.run(['kafka', 'create-topic', topic])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('exists already, with 1 partitions'),
    });
    await ok(['create-topic', topic, '--if-not-exists']);
    expect(await project.run(['kafka', 'delete-topic', topic])).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('Add --yes'),
    });
    expect(await json<{ topic: string }>(['topics'])).toContainEqual(expect.objectContaining({ topic }));
    expect(await project.run(['kafka', 'delete-topic', unique('nothing'), '--yes'])).toMatchObject({ code: 1 });
  });

  it('prints what is sent, with key and headers; JSON lines go round', async () => {
    await createTopic(3);
    await ok(['produce', topic, '-k', 'customer-7', '-H', 'source=cli'], '{"id":1}\n\n{"id":2}\n');
    const whole = ['consume', topic, '--from', 'beginning', '--exit-at-end'];
    const read = await ok(whole);
    expect(read.stdout).toBe('{"id":1}\n{"id":2}\n');
    expect(read.stderr).toBe(`Printing ${topic}: no group is joined and none is moved. Ctrl-C ends.\n`);
    const lines = await json<Record<string, unknown>>(whole);
    const about = { topic, key: 'customer-7', headers: { source: 'cli' } };
    expect(lines).toEqual([
      expect.objectContaining({ ...about, offset: '0', value: { id: 1 } }),
      expect.objectContaining({ ...about, offset: '1', value: { id: 2 } }),
    ]);
    const copy = `${topic}-copy`;
    await ok(['create-topic', copy]);
    const bytes = { key: 'base64:/wA=', value: 'AP8=', encoding: 'base64', headers: { many: ['a', 'b'] } };
    const input = [...lines, bytes, { value: null, key: 'gone' }].map((line) => JSON.stringify(line)).join('\n');
    await ok(['produce', copy, '--json'], input);
    const again = await json<Record<string, unknown>>(['consume', copy, '--from', 'beginning', '--exit-at-end']);
    expect(again).toMatchObject([
      { key: 'customer-7', value: { id: 1 }, headers: { source: 'cli' } },
      { key: 'customer-7', value: { id: 2 } },
      bytes,
      { key: 'gone', value: null },
    ]);
  });

  it('prints from an offset, an age and the end on, and so many', async () => {
    await createTopic();
    await ok(['produce', topic], '1\n2\n3\n4\n');
    const printed = async (...args: string[]) => (await ok(['consume', topic, ...args])).stdout.trim().split('\n');
    expect(await printed('--from', '2', '--exit-at-end')).toEqual(['3', '4']);
    expect(await printed('--from', '1h', '-n', '2')).toEqual(['1', '2']);
    expect(await printed('--from', 'end', '--exit-at-end')).toEqual(['']);
    const live = project.start(['kafka', 'consume', topic]);
    await live.line(/^Printing/);
    await eventually(async () => {
      await ok(['produce', topic], '5\n');
      expect(live.lines).toContain('5');
    }, 30_000);
    live.signal('SIGINT');
    expect(await live.end()).toBe(0);
    expect(live.lines).not.toContain('4');
  });

  it('moves no live group by printing: its positions, members and messages are its own', async () => {
    await createTopic();
    const worker = project.start(['kafka', 'worker', 'TaskWorker'], names());
    await worker.line(/TaskWorker ← /);
    await ok(['produce', topic], '{"id":1}\n{"id":2}\n');
    await worker.line(/^end 2$/);
    await eventually(async () => expect(await position()).toBe('2'));
    const before = await json(['group', 'describe', names().GROUP]);
    const read = await ok(['consume', topic, '--group', names().GROUP, '--from', 'beginning', '-n', '2'], '', names());
    expect(read.stdout).toBe('{"id":1}\n{"id":2}\n');
    expect(read.stderr).toContain(
      `Printing ${topic} beside group ${names().GROUP}: no group is joined and none is moved`,
    );
    expect(await json(['group', 'describe', names().GROUP])).toEqual(before);
    const groups = await json<{ groupId: string }>(['groups']);
    expect(groups.map(({ groupId }) => groupId).filter((one) => one.startsWith(topic))).toEqual([names().GROUP]);
    await ok(['produce', topic], '{"id":3}\n');
    await worker.line(/^end 3$/);
    worker.signal('SIGTERM');
    expect(await worker.end()).toBe(0);
  });

  it("prints from a group's positions on when the app has no handler of it", async () => {
    await createTopic();
    await ok(['produce', topic], '1\n2\n3\n');
    await ok(['group', 'seek', 'other', '--topic', topic, '--to', '2', '--execute', '--yes']);
    const read = await ok(['consume', topic, '--group', 'other', '--exit-at-end'], '', names());
    expect(read.stdout).toBe('3\n');
    expect(read.stderr).toMatch(/^Printing /);
    expect(await position('other')).toBe('2');
    await ok(['group', 'seek', 'other', '--topic', topic, '--to', 'end', '--execute', '--yes']);
  });

  it('prints as the one member of a group with --commit, and never beside others', async () => {
    await createTopic();
    await ok(['produce', topic], '1\n2\n3\n');
    const group = names().GROUP;
    const commit = ['consume', topic, '--group', group, '--commit'];
    const read = await ok([...commit, '-n', '2']);
    expect(read).toMatchObject({
      stdout: '1\n2\n',
      stderr: `Printing ${topic} as group ${group}: what is printed counts as handled. Ctrl-C ends.\n`,
    });
    expect(await position()).toBe('2');
    const live = project.start(['kafka', ...commit]);
    await live.line(/^3$/);
    expect(await project.run(['kafka', ...commit])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining(`Group \`${group}\` has 1 members. Stop them, and try again.`),
    });
    live.signal('SIGINT');
    expect(await live.end()).toBe(0);
    expect(await position()).toBe('3');
    for (const [args, fault] of [
      [['consume', topic, '--commit'], '--group is missing'],
      [[...commit, '--from', 'beginning'], 'leave out --from'],
    ] as const)
      expect(await project.run(['kafka', ...args])).toMatchObject({ code: 64, stderr: expect.stringContaining(fault) });
  });

  it('reads Avro by the schemas of the registry, tells what is none, and looks after the registry in doctor', async () => {
    await createTopic();
    const registry = await FakeRegistry.start();
    const schema =
      '{"type":"record","name":"Sale","fields":[{"name":"id","type":"long"},{"name":"data","type":"bytes"}]}';
    const frame = Buffer.from([0, 0, 0, 0, 0, 14, 4, 0xff, 0xfe]);
    frame.writeUInt32BE(registry.add(`${topic}-value`, schema), 1);
    const lines = [
      { value: frame.toString('base64'), encoding: 'base64' },
      { value: Buffer.from([0, 0, 0, 0, 9, 1]).toString('base64'), encoding: 'base64' },
      { value: { plain: true } },
    ];
    await ok(['produce', topic, '--json'], lines.map((line) => JSON.stringify(line)).join('\n'));
    const env = { KAFKA_SCHEMA_REGISTRY_URL: registry.url };
    const whole = ['kafka', 'consume', topic, '--from', 'beginning', '--exit-at-end', '--avro'];
    const printed = await project.run(whole, '', env);
    expect(printed).toMatchObject({
      code: 1,
      stdout: '{"id":7,"data":"//4="}\n{"plain":true}\n',
      stderr: expect.stringContaining(`${topic}/0@1 is not printed: `),
    });
    const asJson = await project.run([...whole, '--json', '-n', '1'], '', env);
    expect(asJson.code).toBe(0);
    const line = JSON.parse(asJson.stdout) as object;
    expect(line).toMatchObject({ offset: '0', value: { id: 7, data: '//4=' }, encoding: 'avro' });
    expect(await project.run(['kafka', 'produce', topic, '--json'], asJson.stdout)).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('got `avro`'),
    });
    expect((await project.run(['kafka', 'doctor'], '', env)).stdout).toMatch(/ok +the schema registry answers/);
    expect((await project.run(['kafka', 'doctor'])).stdout).not.toContain('registry');
    await registry.stop();
    const without = await project.run(['kafka', 'doctor'], '', env);
    expect(without).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/fail +The schema registry did not answer/),
    });
  });

  it("runs the app's handler of a topic and group, and says so", async () => {
    await createTopic();
    const child = project.start(['kafka', 'consume', topic, '--group', `${names().GROUP}-audit`], names());
    await child.line(/^Running Audit\.onTask of .*dist\/app\.module\.js as group .*-audit: messages are handled/);
    await ok(['produce', topic], '{"id":1}\n');
    await child.line(/^audit 1$/);
    expect(child.lines[0]).toMatch(/^Running Audit/);
    expect(child.lines).not.toContain('begin 1 -');
    child.signal('SIGINT');
    expect(await child.end()).toBe(0);
    expect(await position(`${names().GROUP}-audit`)).toBe('1');
  });

  it('runs handlers of this broker only', async () => {
    const env = { ...names(), REDIS_URL: 'redis://127.0.0.1:1' };
    expect(await project.run(['redis', 'worker', 'TaskWorker'], '', env)).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('TaskWorker does not read from redis. Run it with: messaging worker TaskWorker'),
    });
    const consumed = await project.run(['redis', 'consume', topic, '--group', `${names().GROUP}-audit`], '', env);
    expect(consumed).toMatchObject({ code: 1, stderr: expect.stringContaining('ECONNREFUSED 127.0.0.1:1') });
    expect(consumed.stderr).not.toContain('Running');
  });

  it('lists what the app declares', async () => {
    const { stdout, stderr } = await project.run(['workers'], '', names());
    expect(stdout).toMatch(/^name +connection +topic +group +output +dead letters +concurrency\n/);
    expect(stdout).toMatch(new RegExp(`TaskWorker +kafka +${topic} +${topic}-group +${topic}-out +${topic}-dlq +2`));
    expect(stderr).toBe('');
    expect((await project.run(['workers', '--json'], '', names())).stdout).toContain('"name":"Audit.onTask"');
  });

  it('runs the workers named, or all, with another concurrency, and knows no others', async () => {
    await createTopic();
    const env = { ...names(), HOLD_MS: '300' };
    expect(await project.run(['worker', 'TaskWorkr'], '', env)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('There is no handler `TaskWorkr`, did you mean `TaskWorker`?'),
    });
    const all = project.start(['worker', '--all', '--concurrency', '3'], env);
    await all.line(/TaskWorker ← .*concurrency 3/);
    await all.line(/Audit\.onTask ← .*concurrency 3/);
    await ok(['produce', topic], '{"id":1}\n{"id":2}\n{"id":3}\n');
    await all.line(/^end 3$/);
    const lines = all.lines.filter((line) => /^(begin|end)/.test(line));
    expect(lines.slice(0, 3).every((line) => line.startsWith('begin'))).toBe(true);
    all.signal('SIGTERM');
    expect(await all.end()).toBe(0);
  });

  it('finishes what runs on Ctrl-C; ends with 130 or 143 past the deadline, and at once when asked twice', async () => {
    await createTopic();
    const busy = async (env: NodeJS.ProcessEnv) => {
      const child = project.start(['worker', 'TaskWorker'], { ...names(), ...env });
      await ok(['produce', topic], '{"id":7}\n');
      await child.line(/^begin 7/);
      return child;
    };
    const stuck = await busy({ HOLD_MS: '60000', SHUTDOWN_MS: '500' });
    stuck.signal('SIGTERM');
    expect(await stuck.end()).toBe(143);
    const twice = await busy({ HOLD_MS: '60000' });
    twice.signal('SIGINT');
    await twice.line(/^Finishing what runs\. Once more aborts it\.$/);
    twice.signal('SIGINT');
    expect(await twice.end()).toBe(130);
    const orderly = await busy({ HOLD_MS: '500' });
    orderly.signal('SIGINT');
    expect(await orderly.end()).toBe(0);
    expect(orderly.lines).toContain('end 7');
  }, 120_000);

  it('shows lag, and moves a group only when told to execute', async () => {
    await createTopic();
    await ok(['produce', topic], '1\n2\n3\n');
    const group = unique('group');
    const seek = ['group', 'seek', group, '--topic', topic, '--to', '1'];
    const dry = await ok(seek);
    expect(dry.stderr).toContain('Nothing was changed. Add --execute');
    expect(dry.stdout).toMatch(new RegExp(`${topic} +0 +- +1`));
    expect(await project.run(['kafka', 'group', 'describe', group])).toMatchObject({ code: 1 });
    expect(await project.run(['kafka', ...seek, '--execute'])).toMatchObject({ code: 64 });
    await ok([...seek, '--execute', '--yes']);
    const shown = await ok(['group', 'describe', group]);
    expect(shown.stdout).toMatch(new RegExp(`${topic} +0 +1 +3 +2 +-`));
    expect(shown.stderr).toBe(`Group ${group}: empty, 0 members, lag 2.\n`);
    expect(await json(['groups'])).toContainEqual({
      groupId: group,
      state: 'empty',
      members: 0,
      lag: 2,
      topics: [topic],
    });
  });

  it('shows dead letters, and sends them again to the group that gave them up, once', async () => {
    await createTopic();
    const dlq = `${topic}-dlq`;
    const worker = project.start(['worker', '--all'], names());
    await ok(
      ['produce', topic, '-k', 'k1', '-H', 'source=cli'],
      '{"id":1,"bad":true}\n{"id":2,"bad":true}\n{"id":3}\n',
    );
    await worker.line(/^end 3$/);
    await worker.line(/^audit 3$/);
    worker.signal('SIGTERM');
    await worker.end();
    expect(await json(['dlq', 'list'])).toContainEqual({ topic: dlq, messages: 2 });
    const shown = await ok(['dlq', 'show', dlq, '--error', 'task 2']);
    expect(shown.stdout.trim().split('\n')).toHaveLength(2);
    expect(shown.stdout).toMatch(
      new RegExp(`0@1 .* k1 +${topic}/0@1 +${topic}-group .*RangeError +task 2 is bad +1 +0`),
    );

    const redrive = ['dlq', 'redrive', dlq];
    const dry = await ok([...redrive, '--dry-run', '--error', 'task 2']);
    expect(dry.stderr).toBe('1 dead letters would be sent again.\n1 did not match.\n');
    expect(await project.run(['kafka', ...redrive])).toMatchObject({ code: 64 });
    expect((await ok([...redrive, '--yes', '--rate', '50'])).stderr).toContain('Sent 2 dead letters again.');
    expect((await ok([...redrive, '--yes'])).stderr).toContain('Sent 0 dead letters again.');
    const [, , , again] = await json<{ headers: object }>(['consume', topic, '--from', 'beginning', '--exit-at-end']);
    expect(again?.headers).toMatchObject({
      source: 'cli',
      'x-redrive-count': '1',
      'x-target-group': names().GROUP,
      'x-original-offset': '0',
    });

    const mended = project.start(['worker', '--all'], { ...names(), MENDED: '1' });
    await mended.line(/^begin 1 1$/);
    await mended.line(/^end 2$/);
    mended.signal('SIGTERM');
    expect(await mended.end()).toBe(0);
    expect(mended.lines.filter((line) => line.startsWith('audit'))).toEqual([]);
    const last = await ok([...redrive, '--restart', '--yes', '--max-redrives', '1', '--json']);
    expect(JSON.parse(last.stdout)).toEqual({
      dryRun: false,
      sent: 2,
      left: { other: 0, 'no origin': 0, 'too often': 0 },
    });
  }, 120_000);

  it('leaves dead letters that went round too often, and those without an origin', async () => {
    await createTopic();
    const dlq = `${topic}-dlq`;
    await ok(['create-topic', dlq]);
    const line = (headers: object) => JSON.stringify({ value: { id: 1 }, headers });
    const from = { 'x-original-topic': topic };
    const input = [line({}), line({ ...from, 'x-redrive-count': '3' }), line({ ...from, 'x-redrive-count': '2' })];
    await ok(['produce', dlq, '--json'], input.join('\n'));
    const { stdout } = await ok(['dlq', 'redrive', dlq, '--yes', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ sent: 1, left: { 'no origin': 1, 'too often': 1 } });
    const sent = await json(['consume', topic, '--from', 'beginning', '--exit-at-end']);
    expect(sent).toMatchObject([{ headers: { 'x-redrive-count': '3' } }]);
  });

  it('finds out what is wrong, with a cure for each: 0 when nothing is', async () => {
    await createTopic();
    const checked = await project.run(['kafka', 'doctor'], '', names());
    expect(checked).toMatchObject({ code: 0, stdout: expect.stringMatching(/ok +127\.0\.0\.1:\d+ answers/) });
    expect(checked.stdout).toContain(`${topic}-out`);
    expect(checked.stdout).toMatch(/create-topic/);
    const lost = await project.run(['kafka', 'doctor', '-b', '127.0.0.1:1,127.0.0.1:2']);
    expect(lost).toMatchObject({ code: 1, stdout: expect.stringMatching(/fail +127\.0\.0\.1:1 .*ECONNREFUSED/) });
  });

  it('is quiet when its reader has had enough', async () => {
    await createTopic();
    await ok(['produce', topic], Array.from({ length: 20_000 }, (_, index) => `line ${index}`).join('\n'));
    const command = ['kafka', 'consume', topic, '--from', 'beginning', '--exit-at-end'];
    const piped = project.start(command, {});
    await piped.line(/^line 0$/);
    const { code, stderr } = await project.runShell(`${project.bin} ${command.join(' ')} | head -1`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/^Printing [^\n]*\n$/) });
    expect(await piped.end()).toBe(0);
    expect(piped.lines).toHaveLength(20_001);
  });
});
