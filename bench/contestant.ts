import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Round, Sample } from './protocol.js';

/** Far above what a round takes; a contestant that hangs ends its pair, not the run. */
const ROUND_MS = 300_000;

type Answer = { readonly ready: true } | { readonly sample: Sample } | { readonly error: string };

/** A contestant in a process of its own, which stays for all rounds of a pair, so that it is warm. */
export class Contestant {
  private constructor(
    private readonly name: string,
    private readonly child: ChildProcess,
  ) {}

  /** @param execArgv flags of Node, for a profile. */
  static async start(name: string, execArgv: readonly string[] = []): Promise<Contestant> {
    const child = fork(new URL(`./contestants/${name}.js`, import.meta.url), {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      execArgv: [...execArgv],
    });
    const contestant = new Contestant(name, child);
    await contestant.answer();
    return contestant;
  }

  /** @throws Error when the job fails, or the process ends, or neither happens in time. */
  async run(round: Round): Promise<Sample> {
    const answer = this.answer();
    this.child.send(round);
    const { sample } = (await answer) as { sample: Sample };
    return sample;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    if (this.child.connected) this.child.disconnect();
    const killing = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
    await exit;
    clearTimeout(killing);
  }

  private async answer(): Promise<Answer> {
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), ROUND_MS);
    const exit = once(this.child, 'exit', { signal: deadline.signal }).then(([code]) => {
      throw new Error(`${this.name} ended with ${code}`);
    });
    const message = once(this.child, 'message', { signal: deadline.signal }).then(([answer]) => answer as Answer);
    try {
      const answer = await Promise.race([message, exit]);
      if ('error' in answer) throw new Error(`${this.name}: ${answer.error}`);
      return answer;
    } finally {
      clearTimeout(timer);
      deadline.abort();
      void Promise.allSettled([message, exit]);
    }
  }
}
