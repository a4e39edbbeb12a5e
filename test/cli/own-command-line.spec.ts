import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, Project } from './project.js';

const PROGRAM = `
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { CommandFactory } from 'nest-commander';
import { MessagingCliModule } from 'nestjs-messaging/cli';

class CliModule {}
Module({ imports: [MessagingCliModule] })(CliModule);
await CommandFactory.run(CliModule);
`;

describe('MessagingCliModule in a command line of somebody else', () => {
  let project: Project;
  const run = (...args: string[]): Promise<Ended> => project.runFile('cli.js', args);

  beforeAll(() => {
    project = new Project({ KAFKA_BOOTSTRAP_SERVERS: '127.0.0.1:1' });
    project.link('nest-commander');
    project.write('cli.js', PROGRAM);
    project.buildApp();
  });

  afterAll(() => project.remove());

  it('runs the commands', async () => {
    expect(await run('workers', '--json')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('"name":"TaskWorker"'),
      stderr: '',
    });
    expect(await run('kafka', 'group', 'seek', '--help')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('--execute'),
      stderr: '',
    });
  });

  it('ends with the same codes and words as `messaging`, where nest-commander would end with 0', async () => {
    for (const [args, code, text] of [
      [['kafka', 'topics'], 1, /^Connection `kafka` does not answer: .*\n$/],
      [['kafka', 'doctor'], 1, /^$/],
      [['kafka', 'topcs'], 64, /^There is no command `messaging kafka topcs`, did you mean `topics`\?\n$/],
      [['kafka', 'describe-topic'], 64, /^missing required argument 'topic'\nSee --help\.\n$/],
      [['worker'], 64, /^Name the handlers to run/],
    ] as const) {
      const ended = await run(...args);
      expect({ args, code: ended.code }).toEqual({ args, code });
      expect(ended.stderr).toMatch(text);
    }
  });
});
