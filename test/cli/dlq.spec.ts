import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { unique } from '../support/unique.js';
import { CLI_BROKERS, CommandLine, namesOf } from './command-line.js';

const NOTHING_LEFT = { other: 0, 'no origin': 0, 'too often': 0 };

for (const broker of CLI_BROKERS)
  describe.runIf(broker.address !== undefined)(`messaging ${broker.place} dlq`, () => {
    const { place } = broker;
    let cli: CommandLine;
    let topic: string;
    let dlq: string;
    const names = () => namesOf(topic);
    const redrive = (...args: string[]) => cli.ok(['dlq', 'redrive', dlq, '--yes', ...args]);

    beforeAll(() => {
      cli = new CommandLine(broker);
    });

    afterAll(() => cli.project.remove());

    beforeEach(async () => {
      topic = unique('cli');
      dlq = `${topic}-dlq`;
      await cli.ok(['create-topic', topic, '-p', '1']);
    });

    /** Dead letters as handlers write them, by hand. */
    const giveUp = async (...headers: readonly Readonly<Record<string, string>>[]) => {
      await cli.ok(['create-topic', dlq, '-p', '1']);
      const origin = { 'x-original-topic': topic };
      const lines = headers.map((own, index) => ({ key: `k${index}`, value: index, headers: { ...origin, ...own } }));
      await cli.ok(['produce', dlq, '--json'], lines.map((line) => JSON.stringify(line)).join('\n'));
    };

    it('shows dead letters, and sends them again to the group that gave them up, once', async () => {
      const worker = cli.project.start(['worker', '--all'], names());
      const input = '{"id":1,"bad":true}\n{"id":2,"bad":true}\n{"id":3}\n';
      await cli.ok(['produce', topic, '-k', 'k1', '-H', 'source=cli'], input);
      await worker.line(/^end 3$/);
      await worker.line(/^audit 3$/);
      worker.signal('SIGTERM');
      expect(await worker.end()).toBe(0);
      expect(await cli.json(['dlq', 'list'])).toContainEqual({ topic: dlq, messages: 2, handlers: [] });
      const shown = await cli.ok(['dlq', 'show', dlq, '--error', 'task 2']);
      expect(shown.stdout.trim().split('\n')).toHaveLength(2);
      expect(shown.stdout).toMatch(
        new RegExp(
          `0@[\\d-]+ .* k1 +${topic}/0@[\\d-]+ +${topic}-group +1 +0 +RangeError: task 2 is bad \\(retries-exhausted\\)`,
        ),
      );
      const dry = await cli.ok(['dlq', 'redrive', dlq, '--dry-run', '--error', 'task 2', '--rate', '1']);
      expect(dry.stderr).toBe('1 dead letters would be sent again.\n1 did not match.\n');
      expect(await cli.run(['dlq', 'redrive', dlq])).toMatchObject({ code: 64, stdout: '' });
      expect((await redrive('--rate', '50')).stderr).toBe('Sent 2 dead letters again.\n');
      expect((await redrive()).stderr).toBe('Sent 0 dead letters again.\n');
      const [, , , again] = await cli.json(['consume', topic, '--from', 'beginning', '--exit-at-end']);
      expect(again).toMatchObject({
        key: 'k1',
        value: { id: 1, bad: true },
        headers: { source: 'cli', 'x-redrive-count': '1', 'x-target-group': names().GROUP, 'x-original-topic': topic },
      });
      const mended = cli.project.start(['worker', '--all'], { ...names(), MENDED: '1' });
      await mended.line(/^begin 1 1$/);
      await mended.line(/^end 2$/);
      mended.signal('SIGTERM');
      expect(await mended.end()).toBe(0);
      expect(mended.lines.filter((line) => line.startsWith('audit'))).toEqual([]);
      const last = await redrive('--restart', '--max-redrives', '1', '--json');
      expect(JSON.parse(last.stdout)).toEqual({ dryRun: false, sent: 2, left: NOTHING_LEFT });
    }, 120_000);

    it('lists the topics that handlers name for their dead letters, whatever their names', async () => {
      const graveyard = unique('graveyard');
      const env = { ...names(), DLQ: graveyard };
      for (const name of [graveyard, dlq]) await cli.ok(['create-topic', name, '-p', '1']);
      const { stdout, stderr } = await cli.ok(['dlq', 'list'], '', env);
      expect(stdout).toMatch(/^topic +messages +handlers\n/);
      expect(stdout).toMatch(new RegExp(`^${graveyard} +0 +TaskWorker$`, 'm'));
      expect(stdout).toMatch(new RegExp(`^${dlq} +0 +Audit\\.onTask$`, 'm'));
      expect(stderr).toBe('');
      const withoutApp = await cli.ok(['dlq', 'list']);
      expect(withoutApp.stdout).toMatch(new RegExp(`^${dlq} +0 +-$`, 'm'));
      expect(withoutApp.stdout).not.toContain(graveyard);
      expect((await cli.ok(['dlq', 'list', '--suffix', unique('none')])).stdout).not.toContain(dlq);
    });

    it('chooses by error, key, group and time', async () => {
      const [old, recent] = [String(Date.parse('2026-01-31T12:00Z')), String(Date.now())];
      await giveUp(
        { 'x-error-class': 'TimeoutError', 'x-original-group': 'a', 'x-last-failure-at': old },
        { 'x-error-message': 'a TimeoutError again', 'x-original-group': 'b', 'x-last-failure-at': recent },
        { 'x-reason': 'invalid', 'x-original-group': 'b', 'x-last-failure-at': recent },
      );
      for (const [filter, keys] of [
        [
          ['--error', 'TimeoutError'],
          ['k0', 'k1'],
        ],
        [['--error', 'invalid'], ['k2']],
        [['-k', 'k1'], ['k1']],
        [
          ['-g', 'b'],
          ['k1', 'k2'],
        ],
        [
          ['--since', '1h'],
          ['k1', 'k2'],
        ],
        [['--until', '2026-02-01T00:00Z'], ['k0']],
        [['--since', '1h', '--error', 'TimeoutError'], ['k1']],
        [
          ['-n', '2'],
          ['k0', 'k1'],
        ],
      ] as const) {
        const found = await cli.json(['dlq', 'show', dlq, ...filter]);
        expect({ filter, keys: found.map(({ key }) => key) }).toEqual({ filter, keys });
      }
      const { stdout } = await redrive('--error', 'TimeoutError', '--group', 'a', '--json');
      expect(JSON.parse(stdout)).toMatchObject({ sent: 1, left: { other: 2 } });
      expect(await cli.printed(topic)).toBe('0\n');
      expect((await cli.ok(['dlq', 'show', dlq, '--key', 'nobody'])).stderr).toBe('No dead letters match.\n');
    }, 120_000);

    it('leaves dead letters that went round too often, and those without an origin', async () => {
      await giveUp({ 'x-redrive-count': '3' }, { 'x-redrive-count': '2' });
      await cli.ok(['produce', dlq], 'lost\n');
      const { stdout, stderr } = await redrive('--json');
      expect(JSON.parse(stdout)).toMatchObject({ sent: 1, left: { 'no origin': 1, 'too often': 1 } });
      expect(stderr).toContain('--max-redrives raises the bound');
      expect(stderr).toContain('--to names a topic');
      const sent = await cli.json(['consume', topic, '--from', 'beginning', '--exit-at-end']);
      expect(sent).toMatchObject([{ key: 'k1', headers: { 'x-redrive-count': '3' } }]);
      const other = `${topic}-other`;
      await cli.ok(['create-topic', other, '-p', '1']);
      await redrive('--to', other, '--max-redrives', '9');
      expect(await cli.printed(other)).toBe('0\n1\nlost\n');
    });

    it('goes on where it was interrupted, at the rate that it is given', async () => {
      const values = Array.from({ length: 300 }, (_, index) => `${index}\n`);
      await giveUp(...values.map(() => ({})));
      const slow = cli.project.start([place, 'dlq', 'redrive', dlq, '--yes', '--rate', '1']);
      const begun = Date.now();
      await eventually(async () => expect(await cli.printed(topic)).toMatch(/^0\n1\n/), 30_000);
      expect(Date.now() - begun).toBeGreaterThanOrEqual(1_000);
      slow.signal('SIGTERM');
      expect(await slow.end()).toBe(143);
      expect(slow.lines.at(-1)).toBe('Interrupted before the end. The same command goes on from here.');
      await redrive();
      expect(await cli.printed(topic)).toBe(values.join(''));
    });

    it('sends nothing twice when a later one has no topic to go to', async () => {
      const gone = `${topic}-gone`;
      await giveUp({}, {}, { 'x-original-topic': gone }, {});
      const stopped = await cli.run(['dlq', 'redrive', dlq, '--yes']);
      expect(stopped).toMatchObject({ code: 1, stderr: expect.stringContaining(`Topic \`${gone}\` does not exist`) });
      await cli.ok(['create-topic', gone, '-p', '1']);
      await redrive();
      expect([await cli.printed(topic), await cli.printed(gone)]).toEqual(['0\n1\n3\n', '2\n']);
    });
  });
