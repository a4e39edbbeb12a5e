import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Project } from './project.js';

/** Tells each package that is loaded, on stderr. */
const HOOKS = `
import { writeSync } from 'node:fs';
export async function resolve(specifier, context, next) {
  if (/^[@a-z]/.test(specifier) && !specifier.includes(':')) writeSync(2, specifier + '\\n');
  return next(specifier, context);
}`;

describe('messaging', () => {
  let project: Project;

  beforeAll(() => {
    project = new Project({});
  });

  afterAll(() => project.remove());

  it.each([
    [['kafka', 'topcs'], /did you mean `topics`\?/],
    [['kafka', 'group', 'sek'], /did you mean `seek`\?/],
    [['wrkers'], /There is no command `messaging wrkers`, did you mean `workers`\?/],
    [['topics'], /no command `messaging topics`, only `messaging kafka topics` and `messaging redis topics`\./],
    [['kafka', 'topics', '-b', 'localhost'], /Expected `kafka\.bootstrapServers` to be .* got `localhost`/],
    [['kafka', 'topics', '--connection', 'eu'], /There is no connection `eu`; known are kafka, redis/],
    [['kafka', 'topics', '--connection', 'redis'], /Connection `redis` is one of redis\. Use it with: messaging redis/],
    [['kafka', 'create-topic'], /missing required argument 'topic'/],
    [['kafka', 'create-topic', 'a', '--partitons', '3'], /Did you mean --partitions\?/],
    [['kafka', 'create-topic', 'a', '--partitions', '0'], /Expected `--partitions` to be an integer ≥ 1, got `0`/],
    [['kafka', 'create-topic', 'a', '--config', 'compact'], /Expected `--config` to be name=value/],
    [['kafka', 'consume', 'a', '--from', 'yesterday'], /or an offset, got `yesterday`/],
    [['kafka', 'group', 'seek', 'a', '--to', 'end'], /--topic is missing/],
    [['kafka', 'topics', 'a'], /too many arguments/],
    [['worker'], /Name the handlers to run, or give --all/],
    [['workers'], /No compiled root module is found: .*app\.module\.js/],
    [['workers', '--app', 'nothing.js'], /nothing\.js` does not exist/],
  ])('ends %j with 64, and says what is wrong on stderr', async (args, text) => {
    const { code, stdout, stderr } = await project.run(args);
    expect(stderr).toMatch(text);
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
  });

  it('ends with 1 for a wrong variable, in the environment and in .env', async () => {
    const wrong = await project.run(['kafka', 'topics'], '', { KAFKA_BOOTSTRAP_SERVERS: 'nowhere' });
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringMatching(/KAFKA_BOOTSTRAP_SERVERS.*`nowhere`/) });
    project.write('.env', 'KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:2\n');
    expect((await project.run(['kafka', 'topics'])).stderr).toContain('127.0.0.1:2');
    project.write('.env', '');
  });

  it('tells its version', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(await project.run(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('helps without loading Nest, which alone takes longer than a person waits', async () => {
    project.write('trace.mjs', "import { register } from 'node:module'; register('./hooks.mjs', import.meta.url);");
    project.write('hooks.mjs', HOOKS);
    const trace = `--import=${join(project.folder, 'trace.mjs')}`;
    for (const args of [['--help'], ['kafka', 'consume', 'orders', '-n', '1', '--help'], ['--version']]) {
      const { code, stderr } = await project.run(args, '', { NODE_OPTIONS: trace });
      expect({ code, loaded: stderr }).toEqual({ code: 0, loaded: '' });
    }
    const { stderr } = await project.run(['kafka', 'topcs'], '', { NODE_OPTIONS: trace });
    expect(stderr).toContain('@nestjs/core');
  });

  it('fits its help to a terminal of 80 columns', async () => {
    for (const words of [[], ['kafka', 'consume'], ['doctor'], ['redis', 'dlq', 'redrive']]) {
      const { stdout } = await project.run([...words, '--help']);
      expect(stdout.split('\n').filter((line) => line.length > 80 && !line.startsWith('  $ '))).toEqual([]);
    }
  });

  it('helps at once with the text that the commands themselves make', async () => {
    for (const words of [[], ['kafka'], ['worker'], ['kafka', 'create-topic'], ['kafka', 'group', 'seek']]) {
      const kept = await project.run([...words, '--help']);
      const made = await project.run([...words, '--help'], '', { MESSAGING_CLI_REAL_HELP: '1' });
      expect(kept.stdout).toContain(['Usage: messaging', ...words].join(' '));
      expect(kept).toEqual({ ...made, stdout: `${made.stdout.trimEnd()}\n` });
    }
  });
});
