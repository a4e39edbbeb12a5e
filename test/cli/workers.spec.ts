import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { unique } from '../support/unique.js';
import { CLI_BROKERS, CommandLine, namesOf } from './command-line.js';

for (const broker of CLI_BROKERS)
  describe.runIf(broker.address !== undefined)(`messaging ${broker.place}: the handlers of the app`, () => {
    const { place } = broker;
    const other = place === 'kafka' ? 'redis' : 'kafka';
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

    it("runs the app's handler of a topic and group, and says so before all else", async () => {
      const group = `${names().GROUP}-audit`;
      const child = cli.project.start([place, 'consume', topic, '--group', group], names());
      await child.line(/^Running Audit\.onTask of .*dist\/app\.module\.js as group .*-audit: messages are handled/);
      await cli.ok(['produce', topic], '{"id":1}\n');
      await child.line(/^audit 1$/);
      expect(child.lines[0]).toMatch(/^Running Audit/);
      expect(child.lines).not.toContain('begin 1 -');
      child.signal('SIGINT');
      expect(await child.end()).toBe(0);
      await eventually(async () => expect(await cli.lag(group)).toBe(0));
    });

    it('runs handlers of this broker only', async () => {
      const env = { ...names(), KAFKA_BOOTSTRAP_SERVERS: '127.0.0.1:1', ...(place === 'kafka' && broker.environment) };
      const elsewhere = { REDIS_URL: 'redis://127.0.0.1:1', ...env, ...(place === 'redis' && broker.environment) };
      expect(await cli.project.run([other, 'worker', 'TaskWorker'], '', elsewhere)).toMatchObject({
        code: 64,
        stderr: `TaskWorker does not read from ${other}. Run it with: messaging worker TaskWorker\n`,
      });
      const group = `${names().GROUP}-audit`;
      const consumed = await cli.project.run([other, 'consume', topic, '--group', group], '', elsewhere);
      expect(consumed).toMatchObject({ code: 1, stderr: expect.stringContaining('ECONNREFUSED 127.0.0.1:1') });
      expect(consumed.stderr).not.toContain('Running');
    });

    it('lists what the app declares', async () => {
      const { stdout, stderr } = await cli.project.run(['workers'], '', names());
      expect(stdout).toMatch(/^name +connection +topic +group +output +dead letters +concurrency\n/);
      expect(stdout).toMatch(
        new RegExp(`TaskWorker +${place} +${topic} +${topic}-group +${topic}-out +${topic}-dlq +2`),
      );
      expect(stderr).toBe('');
      expect((await cli.project.run(['workers', '--json'], '', names())).stdout).toContain('"name":"Audit.onTask"');
    });

    it('runs the workers named, or all, with another concurrency, and knows no others', async () => {
      const env = { ...names(), HOLD_MS: '300', NO_COLOR: '', CI: 'true' };
      expect(await cli.project.run(['worker', 'TaskWorkr'], '', env)).toMatchObject({
        code: 64,
        stderr: 'There is no handler `TaskWorkr`, did you mean `TaskWorker`?\n',
      });
      const all = cli.project.start(['worker', '--all', '--concurrency', '3'], env);
      await all.line(/TaskWorker ← .*concurrency 3/);
      await all.line(/Audit\.onTask ← .*concurrency 3/);
      await cli.ok(['produce', topic], '{"id":1}\n{"id":2}\n{"id":3}\n');
      await all.line(/^end 3$/);
      const lines = all.lines.filter((line) => /^(begin|end)/.test(line));
      expect(lines.slice(0, 3).every((line) => line.startsWith('begin'))).toBe(true);
      expect(all.lines.join('\n')).not.toContain('\u001B'); // nobody looks at a log in colours through a pipe
      all.signal('SIGTERM');
      expect(await all.end()).toBe(0);
    });

    it('writes its log as JSON lines on stderr with --json', async () => {
      const worker = cli.project.start([place, 'worker', 'Audit.onTask', '--json'], names());
      await cli.ok(['produce', topic], '{"id":1}\n');
      await worker.line(/^audit 1$/);
      const log = worker.lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as object);
      expect(log).toContainEqual(expect.objectContaining({ level: 'log', message: expect.stringMatching(/^Audit/) }));
      worker.signal('SIGTERM');
      expect(await worker.end()).toBe(0);
    });

    it('finishes what runs on Ctrl-C; ends with 130 or 143 past the deadline, and at once when asked twice', async () => {
      const busy = async (env: NodeJS.ProcessEnv) => {
        const child = cli.project.start(['worker', 'TaskWorker'], { ...names(), ...env });
        await cli.ok(['produce', topic], '{"id":7}\n');
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

    it('finds out what is wrong, with a cure for each: 0 when nothing is', async () => {
      const checked = await cli.run(['doctor'], '', names());
      expect(checked).toMatchObject({ code: 0, stderr: '' });
      expect(checked.stdout).toMatch(/^ok {4}127\.0\.0\.1:\d+ answers$/m);
      expect(checked.stdout).toContain(
        `warn  topic ${topic}-out does not exist\n      → messaging ${place} create-topic ${topic}-out; or`,
      );
      expect(checked.stdout).toMatch(new RegExp(`^ok {4}TaskWorker: concurrency 2 on 1 partitions of ${topic}$`, 'm'));
      expect((await cli.project.run(['doctor'], '', names())).stdout).toBe(checked.stdout);
      const [first] = await cli.json(['doctor']);
      expect(first).toMatchObject({ state: 'ok', what: expect.stringContaining('answers') });
      const lost = await cli.run(['doctor', broker.flag, broker.nobody]);
      expect(lost).toMatchObject({
        code: 1,
        stdout: expect.stringMatching(/^fail {2}127\.0\.0\.1:1 .*ECONNREFUSED.*\n {6}→ Start /),
      });
    });
  });
