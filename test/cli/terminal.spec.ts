import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { brokerAddress } from '../support/brokers/with-broker.js';
import { eventually } from '../support/eventually.js';
import { hasProgram } from '../support/programs.js';
import { unique } from '../support/unique.js';
import { Project } from './project.js';

const kafka = brokerAddress('kafka');
const hasTmux = hasProgram('tmux', 'apt-get install tmux | brew install tmux');
const execute = promisify(execFile);

/** A terminal of its own server, which ends with it. */
class Screen {
  private readonly folder = mkdtempSync(join(tmpdir(), 'nestjs-messaging-tmux-'));
  private readonly socket = join(this.folder, 'tmux');

  private constructor(private readonly project: Project) {}

  static async open(project: Project, width: number, env: NodeJS.ProcessEnv): Promise<Screen> {
    const screen = new Screen(project);
    const variables = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
    const size = ['-x', String(width), '-y', '3000']; // a broker that many tests share has many topics
    await screen.tmux('new-session', '-d', ...size, ...variables, '-c', project.folder, 'env PS1="> " sh');
    return screen;
  }

  /** Types a line and presses Enter. */
  async type(line: string): Promise<void> {
    await this.tmux('send-keys', '-l', line);
    await this.tmux('send-keys', 'Enter');
  }

  async press(key: string): Promise<void> {
    await this.tmux('send-keys', key);
  }

  /** `messaging …`, with its exit code told after it. */
  messaging(args: string): Promise<void> {
    return this.type(`clear; ${process.execPath} ${this.project.bin} ${args}; echo "code $?"`);
  }

  /** What is on the screen once it holds this. */
  async shows(pattern: RegExp, { colors = false } = {}): Promise<string> {
    return eventually(async () => {
      const { stdout } = await this.tmux('capture-pane', '-p', ...(colors ? ['-e'] : []));
      expect(stdout).toMatch(pattern);
      return stdout;
    }, 30_000);
  }

  async resize(width: number): Promise<void> {
    await this.tmux('resize-window', '-x', String(width));
  }

  async close(): Promise<void> {
    await this.tmux('kill-server');
    rmSync(this.folder, { recursive: true, force: true });
  }

  private tmux(...args: readonly string[]): Promise<{ readonly stdout: string }> {
    return execute('tmux', ['-S', this.socket, '-f', '/dev/null', ...args]);
  }
}

describe.runIf(kafka !== undefined && hasTmux)('messaging in a terminal', () => {
  let project: Project;
  let screen: Screen;
  const topic = `${unique('cli')}-with-a-name-that-is-longer-than-this-narrow-terminal-is-wide`;

  beforeAll(async () => {
    project = new Project({ KAFKA_BOOTSTRAP_SERVERS: kafka });
    screen = await Screen.open(project, 60, { KAFKA_BOOTSTRAP_SERVERS: kafka, NO_COLOR: '' });
    await project.run(['kafka', 'create-topic', topic]);
  });

  afterAll(async () => {
    await screen.close();
    await project.remove();
  });

  it('fits tables to its width, and cuts nothing in a pipe', async () => {
    await screen.messaging('kafka topics');
    const shown = await screen.shows(/code 0/);
    const [line] = shown.split('\n').filter((one) => one.startsWith(topic.slice(0, 20)));
    expect(line).toMatch(/… +1 +0$/);
    expect(shown.split('\n').every((one) => one.length <= 60)).toBe(true);
    expect((await project.run(['kafka', 'topics'])).stdout).toContain(`${topic}  `);
  });

  it('writes in colour here, and nowhere else; NO_COLOR turns it off', async () => {
    await screen.messaging('kafka topics');
    await screen.shows(/code 0/);
    expect(await screen.shows(/code 0/, { colors: true })).toContain('\u001B[1mtopic');
    const piped = await project.run(['kafka', 'topics'], '', { NO_COLOR: '', CI: 'true' });
    expect(piped.stdout).not.toContain('\u001B[');
    await screen.type('export NO_COLOR=1');
    await screen.messaging('kafka topics');
    await screen.shows(/code 0/);
    expect(await screen.shows(/code 0/, { colors: true })).not.toContain('\u001B[1mtopic');
  });

  it('asks before it deletes', async () => {
    const question = /Delete topic .*with 0 messages\? \[y\/N\]/s;
    await screen.messaging(`kafka delete-topic ${topic}`);
    await screen.shows(question);
    await screen.type('n');
    await screen.shows(/Nothing was deleted\.\s+code 0/);
    await screen.messaging(`kafka delete-topic ${topic}`);
    await screen.shows(question);
    await screen.type('y');
    expect(await screen.shows(/Deleted topic .*code 0/s)).not.toContain('Nothing was deleted');
  });

  it('takes Ctrl-D for no, and Ctrl-C for no and its exit code', async () => {
    const other = unique('cli');
    await project.run(['kafka', 'create-topic', other]);
    for (const [key, code] of [
      ['C-d', 0],
      ['C-c', 130],
    ] as const) {
      await screen.messaging(`kafka delete-topic ${other}`);
      await screen.shows(/\[y\/N\]/);
      await screen.press(key);
      expect(await screen.shows(/code \d/)).toMatch(
        new RegExp(`\\[y/N\\]\\s+Nothing was deleted\\.\\s+code ${code}\\s`),
      );
    }
    expect(await project.run(['kafka', 'describe-topic', other])).toMatchObject({ code: 0 });
  });

  it('sends what a person types, line by line, until Ctrl-D', async () => {
    const other = unique('cli');
    await project.run(['kafka', 'create-topic', other]);
    await screen.messaging(`kafka produce ${other}`);
    await screen.shows(/Sending each line to .* Ctrl-D ends\./s);
    await screen.type('typed');
    await eventually(async () => {
      const read = ['kafka', 'consume', other, '--from', 'beginning', '--exit-at-end'];
      expect((await project.run(read)).stdout).toBe('typed\n');
    }, 30_000);
    await screen.press('C-d');
    expect(await screen.shows(/code 0/)).toMatch(new RegExp(`typed\\nSent 1 messages to ${other}\\.`));
  });

  it('shows how far a redrive is, with what it was told above, and dead letters with their reason below', async () => {
    const [other, dlq] = [unique('to'), unique('dlq')];
    for (const name of [other, dlq]) await project.run(['kafka', 'create-topic', name]);
    const headers = {
      'x-original-topic': other,
      'x-error-class': 'RangeError',
      'x-error-message': 'out\n of\u001b[2J range',
    };
    const letters = Array.from({ length: 300 }, () => JSON.stringify({ value: 1, key: 'customer-7', headers }));
    await project.run(['kafka', 'produce', dlq, '--json'], letters.join('\n'));
    await screen.messaging(`kafka dlq show ${dlq}`);
    expect(await screen.shows(/code 0/)).toMatch(/^0@3 .*\n {2}RangeError: out of�\[2J range$/m);
    await screen.messaging(`kafka dlq redrive ${dlq} --rate 1`);
    await screen.shows(/Look at 300 dead letters/);
    await screen.type('y');
    await screen.shows(/░+ \d+ % {2}\d+ sent, \d\/s, \d+ (s|min) left/);
    await screen.press('C-c');
    const end = await screen.shows(/code 130/);
    expect(end).toMatch(/Finishing what runs[^]*Sent \d+ dead letters again\.\nInterrupted before the end\./);
    expect(end).not.toContain('█');
  });

  it('ends printing on Ctrl-C, in order', async () => {
    const other = unique('cli');
    await project.run(['kafka', 'create-topic', other]);
    await screen.messaging(`kafka consume ${other}`);
    await screen.shows(/Ctrl-C ends\./);
    await screen.press('C-c');
    await screen.shows(/code 0/);
    await eventually(async () => {
      const { stdout } = await project.run(['kafka', 'groups', '--json']);
      expect(stdout).not.toContain(other);
    });
  });

  it('shows how far sending a file is, in a terminal too narrow for the whole bar', async () => {
    await screen.resize(45);
    const other = unique('cli');
    await project.run(['kafka', 'create-topic', other]);
    project.write('lines.txt', Array.from({ length: 60_000 }, (_, index) => `line ${index}`).join('\n'));
    await screen.messaging(`kafka produce ${other} --file lines.txt`);
    await screen.shows(/█.* % {2}\d+ sent, \d+\/s, \d+ s left/);
    const end = await screen.shows(/code 0/);
    expect(end).toMatch(new RegExp(`Sent 60000 messages to ${other}\\.`));
    expect(end).not.toContain('█');
  });
});
