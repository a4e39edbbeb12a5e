/** The bytes that all unfinished messages of the process may take together. */
export class BufferBudget {
  private used = 0;
  private readonly waiting = new Set<() => void>();

  constructor(private readonly maxBytes: number) {}

  get isFull(): boolean {
    return this.used >= this.maxBytes;
  }

  add(bytes: number): void {
    this.used += bytes;
  }

  free(bytes: number): void {
    this.used -= bytes;
    if (this.waiting.size === 0 || this.used > this.maxBytes / 2) return;
    const listeners = [...this.waiting];
    this.waiting.clear();
    for (const listener of listeners) listener();
  }

  /** Calls once when half of it is free. */
  onRoom(listener: () => void): void {
    this.waiting.add(listener);
  }
}
