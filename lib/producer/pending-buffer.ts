import { Fifo } from '../core/fifo.js';

interface Waiting {
  readonly count: number;
  readonly bytes: number;
  readonly enter: () => void;
}

/** Bounds what waits to be written. Who finds it full waits in line; a message larger than the whole enters when it is empty. */
export class PendingBuffer {
  private readonly waiting = new Fifo<Waiting>();
  messages = 0;
  bytes = 0;

  constructor(
    private readonly maxMessages: number,
    private readonly maxBytes: number,
  ) {}

  /** False when it is full, or others wait. */
  tryEnter(count: number, bytes: number): boolean {
    if (this.waiting.length > 0 || !this.hasRoom(count, bytes)) return false;
    this.messages += count;
    this.bytes += bytes;
    return true;
  }

  /** Resolves when there is room. */
  enter(count: number, bytes: number): Promise<void> {
    return new Promise((resolve) => this.waiting.push({ count, bytes, enter: resolve }));
  }

  leave(count: number, bytes: number): void {
    this.messages -= count;
    this.bytes -= bytes;
    for (let next = this.waiting.peek(); next && this.hasRoom(next.count, next.bytes); next = this.waiting.peek()) {
      this.waiting.shift();
      this.messages += next.count;
      this.bytes += next.bytes;
      next.enter();
    }
  }

  private hasRoom(count: number, bytes: number): boolean {
    if (this.messages === 0) return true;
    return this.messages + count <= this.maxMessages && this.bytes + bytes <= this.maxBytes;
  }
}
