import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { unique } from '../support/unique.js';
import { CLI_BROKERS, CommandLine, namesOf } from './command-line.js';

for (const broker of CLI_BROKERS)
  describe.runIf(broker.address !== undefined)(`messaging ${broker.place}: groups`, () => {
    const { place } = broker;
    let cli: CommandLine;
    let topic: string;
    const names = () => namesOf(topic);

    beforeAll(() => {
      cli = new CommandLine(broker);
    });

    afterAll(() => cli.project.remove());

    beforeEach(async () => {
      topic = unique('cli');
      await cli.ok(['create-topic', topic, '-p', '1']);
    });

    it('moves no live group by printing: its positions, members and messages are its own', async () => {
      const worker = cli.project.start([place, 'worker', 'TaskWorker'], names());
      await worker.line(/TaskWorker ← /);
      await cli.ok(['produce', topic], '{"id":1}\n{"id":2}\n');
      await worker.line(/^end 2$/);
      const group = names().GROUP;
      await eventually(async () => expect(await cli.lag(group)).toBe(0));
      const before = await cli.json(['group', 'describe', group]);
      const print = ['consume', topic, '--group', group, '--from', 'beginning', '-n', '2'];
      const read = await cli.ok(print, '', names());
      expect(read.stdout).toBe('{"id":1}\n{"id":2}\n');
      expect(read.stderr).toBe(
        `Printing ${topic} beside group ${group}: no group is joined and none is moved. Ctrl-C ends.\n`,
      );
      expect(await cli.json(['group', 'describe', group])).toEqual(before);
      const groups = await cli.json<{ groupId: string }>(['groups']);
      expect(groups.map(({ groupId }) => groupId).filter((one) => one.startsWith(topic))).toEqual([group]);
      const inUse = expect.stringContaining(`Group \`${group}\` has 1 members. Stop them, and try again.`);
      for (const verb of [
        ['group', 'seek', group, '--topic', topic, '--to', 'beginning', '--execute', '--yes'],
        ['consume', topic, '--group', group, '--commit'],
      ])
        expect(await cli.run(verb)).toMatchObject({ code: 1, stderr: inUse });
      await cli.ok(['produce', topic], '{"id":3}\n');
      await worker.line(/^end 3$/);
      worker.signal('SIGTERM');
      expect(await worker.end()).toBe(0);
      expect(worker.lines.filter((line) => line.startsWith('begin'))).toHaveLength(3);
    });

    it("prints from a group's positions on when the app has no handler of it", async () => {
      await cli.ok(['produce', topic], '1\n2\n3\n');
      const [, , third] = await cli.json(['consume', topic, '--from', 'beginning', '--exit-at-end']);
      const group = unique('other');
      const to = String(third?.['offset']);
      await cli.ok(['group', 'seek', group, '--topic', topic, '--to', to, '--execute', '--yes']);
      const read = await cli.ok(['consume', topic, '--group', group, '--exit-at-end'], '', names());
      expect(read.stdout).toBe('3\n');
      expect(read.stderr).toMatch(/^Printing /);
      expect(await cli.positions(group)).toMatchObject([{ position: to }]);
    });

    it('prints as the one member of a group with --commit, and never beside others', async () => {
      await cli.ok(['produce', topic], '1\n2\n3\n');
      const group = unique('group');
      const commit = ['consume', topic, '--group', group, '--commit'];
      expect(await cli.ok([...commit, '-n', '2'])).toMatchObject({
        stdout: '1\n2\n',
        stderr: `Printing ${topic} as group ${group}: what is printed counts as handled. Ctrl-C ends.\n`,
      });
      expect(await cli.lag(group)).toBe(1);
      const live = cli.project.start([place, ...commit]);
      await live.line(/^3$/);
      expect(live.lines.filter((line) => /^\d$/.test(line))).toEqual(['3']);
      expect(await cli.run(commit)).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringContaining(`Group \`${group}\` has 1 members. Stop them, and try again.`),
      });
      live.signal('SIGINT');
      expect(await live.end()).toBe(0);
      expect(await cli.lag(group)).toBe(0);
      for (const [args, fault] of [
        [['consume', topic, '--commit'], '--group is missing'],
        [[...commit, '--from', 'beginning'], 'leave out --from'],
      ] as const)
        expect(await cli.run(args)).toMatchObject({ code: 64, stderr: expect.stringContaining(fault) });
    });

    it('shows lag, and moves a group only when told to execute', async () => {
      await cli.ok(['produce', topic], '1\n2\n3\n');
      const [, second] = await cli.json(['consume', topic, '--from', 'beginning', '--exit-at-end']);
      const group = unique('group');
      const to = String(second?.['offset']);
      const seek = ['group', 'seek', group, '--topic', topic, '--to', to];
      const dry = await cli.ok(seek);
      expect(dry.stderr).toContain('Nothing was changed. Add --execute');
      expect(dry.stdout).toMatch(new RegExp(`${topic} +0 +- +${to}`));
      expect(await cli.json([...seek, '--dry-run'])).toEqual([{ topic, partition: 0, from: null, to }]);
      expect(await cli.run(['group', 'describe', group])).toMatchObject({ code: 1 });
      expect(await cli.run([...seek, '--execute'])).toMatchObject({ code: 64 });
      await cli.ok([...seek, '--execute', '--yes']);
      const shown = await cli.ok(['group', 'describe', group]);
      expect(shown.stdout).toMatch(new RegExp(`${topic} +0 +${to} +[\\d-]+ +2 +-`));
      expect(shown.stderr).toBe(`Group ${group}: empty, 0 members, lag 2.\n`);
      expect(await cli.json(['groups'])).toContainEqual({
        groupId: group,
        state: 'empty',
        members: 0,
        lag: 2,
        topics: [topic],
      });
      expect((await cli.ok(['consume', topic, '--group', group, '--exit-at-end'])).stdout).toBe('2\n3\n');
    });
  });
