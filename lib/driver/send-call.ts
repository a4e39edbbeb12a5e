import type { SendResult } from '../core/message.js';

/** One call of `send`: its results come one by one, in any order, and are given together in the order of the input. */
export class SendCall {
  readonly results: Promise<readonly SendResult[]>;
  private readonly list: SendResult[] = [];
  private missing: number;
  private resolve: (results: readonly SendResult[]) => void = () => {};

  /** @param onEnd told when the last result is there. */
  constructor(
    count: number,
    private readonly onEnd: () => void = () => {},
  ) {
    this.missing = count;
    this.results = new Promise((resolve) => (this.resolve = resolve));
    if (count === 0) this.end();
  }

  /** Whether that record has no result yet. */
  isOpen(index: number): boolean {
    return this.list[index] === undefined;
  }

  /** The first result counts: a record may be answered for after its time is over. */
  set(index: number, result: SendResult): void {
    if (this.list[index] !== undefined) return;
    this.list[index] = result;
    this.missing--;
    if (this.missing === 0) this.end();
  }

  private end(): void {
    this.resolve(this.list);
    this.onEnd();
  }
}
