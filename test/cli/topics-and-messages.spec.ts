import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { unique } from '../support/unique.js';
import { CLI_BROKERS, CommandLine } from './command-line.js';

for (const broker of CLI_BROKERS)
  describe.runIf(broker.address !== undefined)(`messaging ${broker.place}: topics and messages`, () => {
    const { place } = broker;
    let cli: CommandLine;
    let topic: string;

    beforeAll(() => {
      cli = new CommandLine(broker);
    });

    afterAll(() => cli.project.remove());

    beforeEach(() => {
      topic = unique('cli');
    });

    it('creates, lists, describes and deletes a topic', async () => {
      const created = await cli.ok(['create-topic', topic, '--partitions', '2']);
      expect(created).toMatchObject({ stdout: '', stderr: `Created topic ${topic} with 2 partitions.\n` });
      await cli.ok(['produce', topic, '-k', 'a'], '1\n2\n');
      expect(await cli.json(['topics'])).toContainEqual({ topic, partitions: 2, messages: 2 });
      expect((await cli.ok(['topics'])).stdout).toMatch(
        new RegExp(`^topic +partitions +messages\n(.*\n)*${topic} +2 +2$`, 'm'),
      );
      const { stdout } = await cli.ok(['describe-topic', topic]);
      expect(stdout).toMatch(/^partition +start +end +messages.*\n +0 +[\d-]+ +[\d-]+ +\d.*\n +1 +[\d-]+ +[\d-]+ +\d/);
      expect(await cli.json(['describe-topic', topic])).toMatchObject([{ topic, partitions: [{}, {}] }]);
      await cli.ok(['delete-topic', topic, '--yes']);
      expect((await cli.json(['topics'])).filter((one) => one['topic'] === topic)).toEqual([]);
    });

    it('neither creates a topic twice nor deletes one unasked: 1 and 64', async () => {
      await cli.ok(['create-topic', topic, '-p', '1']);
      expect(await cli.run(['create-topic', topic])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('exists already, with 1 partitions'),
      });
      const kept = await cli.ok(['create-topic', topic, '--if-not-exists']);
      expect(kept.stderr).toBe(`Kept topic ${topic} with 1 partitions.\n`);
      expect(await cli.run(['delete-topic', topic])).toMatchObject({
        code: 64,
        stderr: expect.stringContaining('Add --yes'),
      });
      expect(await cli.json(['topics'])).toContainEqual(expect.objectContaining({ topic }));
    });

    it('tells as JSON what it did', async () => {
      expect(await cli.json(['create-topic', topic, '-p', '1'])).toEqual([{ topic, partitions: 1, created: true }]);
      expect(await cli.json(['create-topic', topic, '--if-not-exists'])).toEqual([
        { topic, partitions: 1, created: false },
      ]);
      const sent = await cli.ok(['produce', topic, '--json'], '{"value":1}\n');
      expect(JSON.parse(sent.stdout)).toEqual({ topic, sent: 1 });
      expect(await cli.json(['delete-topic', topic, '--yes'])).toEqual([{ topic, deleted: true }]);
    });

    it('names the nearest topic and group that exist', async () => {
      await cli.ok(['create-topic', topic]);
      for (const args of [
        ['describe-topic', `${topic}x`],
        ['delete-topic', `${topic}x`, '--yes'],
        ['consume', `${topic}x`],
        ['produce', `${topic}x`],
        ['dlq', 'show', `${topic}x`],
      ])
        expect(await cli.run(args)).toEqual({
          code: 1,
          stdout: '',
          stderr: `Topic \`${topic}x\` does not exist, did you mean \`${topic}\`? Or create it: messaging ${place} create-topic ${topic}x\n`,
        });
      await cli.ok(['group', 'seek', topic, '--topic', topic, '--to', 'end', '--execute', '--yes']);
      expect(await cli.run(['group', 'describe', `${topic}x`])).toMatchObject({
        code: 1,
        stderr: `Group \`${topic}x\` does not exist, did you mean \`${topic}\`? Those that do: messaging ${place} groups\n`,
      });
    });

    it('prints what is sent, with key and headers; JSON lines go round', async () => {
      await cli.ok(['create-topic', topic, '-p', '3']);
      await cli.ok(['produce', topic, '-k', 'customer-7', '-H', 'source=cli'], '{"id":1}\n\n{"id":2}\n');
      const whole = ['consume', topic, '--from', 'beginning', '--exit-at-end'];
      const read = await cli.ok(whole);
      expect(read.stdout).toBe('{"id":1}\n{"id":2}\n');
      expect(read.stderr).toBe(`Printing ${topic}: no group is joined and none is moved. Ctrl-C ends.\n`);
      const lines = await cli.json(whole);
      const about = { topic, key: 'customer-7', headers: { source: 'cli' } };
      expect(lines).toMatchObject([
        { ...about, value: { id: 1 } },
        { ...about, value: { id: 2 } },
      ]);
      const copy = `${topic}-copy`;
      await cli.ok(['create-topic', copy, '-p', '1']);
      const bytes = { key: 'base64:/wA=', value: 'AP8=', encoding: 'base64', headers: { many: ['a', 'b'] } };
      const input = [...lines, bytes, { value: null, key: 'gone' }].map((line) => JSON.stringify(line)).join('\n');
      await cli.ok(['produce', copy, '--json'], input);
      expect(await cli.json(['consume', copy, '--from', 'beginning', '--exit-at-end'])).toMatchObject([
        { key: 'customer-7', value: { id: 1 }, headers: { source: 'cli' } },
        { key: 'customer-7', value: { id: 2 } },
        bytes,
        { key: 'gone', value: null },
      ]);
      const withHeaders = await cli.ok([...whole, '--headers', '-n', '1']);
      expect(withHeaders.stdout).toMatch(
        new RegExp(`^${topic}/\\d@\\S+ \\d{4}-.*Z key=customer-7 \\{"source":"cli"\\}\n\\{"id":1\\}\n$`),
      );
    });

    it('prints from an offset, an age, a time and the end on, so many, of one partition', async () => {
      await cli.ok(['create-topic', topic, '-p', '1']);
      await cli.ok(['produce', topic], '1\n2\n3\n4\n');
      const [, , third] = await cli.json(['consume', topic, '--from', 'beginning', '--exit-at-end']);
      const printed = async (...args: string[]) => (await cli.ok(['consume', topic, ...args])).stdout;
      expect(await printed('--from', String(third?.['offset']), '--exit-at-end')).toBe('3\n4\n');
      expect(await printed('--from', '1h', '-n', '2')).toBe('1\n2\n');
      expect(await printed('--from', '2020-01-31T12:00Z', '--exit-at-end', '--partition', '0')).toBe('1\n2\n3\n4\n');
      expect(await printed('--from', 'end', '--exit-at-end')).toBe('');
      expect(await cli.run(['consume', topic, '--partition', '1'])).toMatchObject({
        code: 64,
        stdout: '',
        stderr: `Topic \`${topic}\` has no partition 1, only 0 to 0.\n`,
      });
      const live = cli.project.start([place, 'consume', topic]);
      await live.line(/^Printing/);
      await eventually(async () => {
        await cli.ok(['produce', topic], '5\n');
        expect(live.lines).toContain('5');
      }, 30_000);
      live.signal('SIGINT');
      expect(await live.end()).toBe(0);
      expect(live.lines).not.toContain('4');
    });

    it('sends a line as it comes, and all lines before one that is no message', async () => {
      await cli.ok(['create-topic', topic, '-p', '1']);
      const typed = cli.project.start([place, 'produce', topic]);
      typed.say('first');
      await eventually(async () => expect(await cli.printed(topic)).toBe('first\n'), 30_000);
      typed.write('second');
      expect(await typed.end()).toBe(0);
      expect(typed.lines).toEqual([`Sent 2 messages to ${topic}.`]);
      const wrong = await cli.run(['produce', topic, '--json'], '{"value":"third"}\n\n{"vaule":1}\n{"value":1}\n');
      expect(wrong).toMatchObject({ code: 64, stdout: `{"topic":"${topic}","sent":1}\n` });
      expect(wrong.stderr).toBe(
        `Sent 1 messages to ${topic}.\nExpected line 3 to be a JSON object with a \`value\`, got \`{"vaule":1}\`.\n`,
      );
      expect(await cli.printed(topic)).toBe('first\nsecond\n"third"\n');
      for (const [file, why] of [
        ['nothing.txt', 'ENOENT'],
        ['dist', 'it is a folder'],
      ])
        expect(await cli.run(['produce', topic, '--file', String(file)])).toMatchObject({
          code: 64,
          stderr: expect.stringMatching(
            new RegExp(`^The file \`${file}\` cannot be read: ${why}.*Correct --file\\.\n$`),
          ),
        });
    });

    it('is quiet when its reader has had enough, and leaves nothing behind', async () => {
      await cli.ok(['create-topic', topic, '-p', '1']);
      await cli.ok(['produce', topic], Array.from({ length: 20_000 }, (_, index) => `line ${index}`).join('\n'));
      const whole = `${cli.project.bin} ${place} consume ${topic} --from beginning`;
      const { code, stdout, stderr } = await cli.project.runShell(`${whole} | head -1`);
      expect({ code, stdout }).toEqual({ code: 0, stdout: 'line 0\n' });
      expect(stderr).toMatch(/^Printing [^\n]*\n$/);
      expect((await cli.ok(['groups'])).stdout).not.toContain(topic);
      expect((await cli.printed(topic)).split('\n')).toHaveLength(20_001);
    });

    it('ends with 1 and one line when the broker does not answer', async () => {
      const { code, stdout, stderr } = await cli.run(['topics', broker.flag, broker.nobody]);
      expect(stderr).toMatch(new RegExp(`^Connection \`${place}\` does not answer: .*ECONNREFUSED 127.0.0.1:1\n$`));
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    });
  });
