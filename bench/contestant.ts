import { fork, type ChildProcess } from 'node:child_process';
import type { Round, Sample } from './protocol.js';

type Answer = { readonly ready: true } | { readonly sample: Sample } | { readonly error: string };

/** A contestant in a process of its own, which stays for all rounds, so that it is warm. */
export class Contestant {
  private constructor(private readonly child: ChildProcess) {}

  static async start(file: string): Promise<Contestant> {
    const child = fork(new URL(`./contestants/${file}.js`, import.meta.url), {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const contestant = new Contestant(child);
    await contestant.answer();
    return contestant;
  }

  async run(round: Round): Promise<Sample> {
    const answer = this.answer();
    this.child.send(round);
    const { sample } = (await answer) as { sample: Sample };
    return sample;
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.child.once('exit', () => resolve());
      this.child.disconnect();
    });
  }

  private answer(): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const onExit = (code: number | null) => reject(new Error(`the contestant ended with ${code}`));
      this.child.once('exit', onExit);
      this.child.once('message', (answer: Answer) => {
        this.child.off('exit', onExit);
        if ('error' in answer) reject(new Error(answer.error));
        else resolve(answer);
      });
    });
  }
}
