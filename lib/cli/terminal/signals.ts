import { EXIT } from '../exit-code.js';

/** Interrupts of this process: the first asks to end, the second ends at once. */
export class Interrupts {
  readonly signal: AbortSignal;
  /** The exit code of the signal that came, for work that it cut short. */
  code: number = EXIT.done;
  private readonly asked = new AbortController();
  private readonly listener = (name: NodeJS.Signals) => this.onSignal(name);

  constructor(private readonly tell: (line: string) => void) {
    this.signal = this.asked.signal;
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
    if (this.signal.aborted) process.exit(codeOf(name));
    this.code = codeOf(name);
    this.tell('Finishing what runs. Once more aborts it.');
    this.asked.abort();
  }
}

function codeOf(name: NodeJS.Signals): number {
  return name === 'SIGINT' ? EXIT.interrupted : EXIT.terminated;
}
