import { EXIT } from '../exit-code.js';
import type { Terminal } from './terminal.js';

export const FINISHING = 'Finishing what runs. Once more aborts it.';

/** Interrupts of this process: the first asks to end, the second ends at once. A reader that has gone asks to end too. */
export class Interrupts {
  readonly signal: AbortSignal;
  /** The exit code of the signal that came, for work that it cut short. */
  code: number = EXIT.done;
  private readonly asked = new AbortController();
  private readonly listener = (name: NodeJS.Signals) => this.onSignal(name);

  /** @param notice what a person is told at the first; nothing without it */
  constructor(
    private readonly terminal: Terminal,
    private readonly notice?: string,
  ) {
    this.signal = AbortSignal.any([this.asked.signal, terminal.readerGone]);
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, this.listener);
  }

  /** Resolves with the first. */
  async first(): Promise<void> {
    if (this.signal.aborted) return;
    await new Promise((resolve) => this.signal.addEventListener('abort', resolve, { once: true }));
  }

  dispose(): void {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, this.listener);
  }

  private onSignal(name: NodeJS.Signals): void {
    if (this.asked.signal.aborted) process.exit(codeOf(name));
    this.code = codeOf(name);
    if (this.notice !== undefined) this.terminal.tell(this.notice);
    this.asked.abort();
  }
}

function codeOf(name: NodeJS.Signals): number {
  return name === 'SIGINT' ? EXIT.interrupted : EXIT.terminated;
}
