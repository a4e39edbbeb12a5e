import type { Clock } from '../../core/clock.js';

const SMALLEST = 16;
/** Below the default `maxInFlight`, at which the dispatcher would pause. */
const LARGEST = 900;
/** A window that is used up faster is too small to keep handlers busy; slower, and it keeps messages from other members. */
const FAST_MS = 25;
const SLOW_MS = 1_000;

/**
 * How many messages of one stream are read ahead. Fast handlers get long reads; slow ones leave to other members what they would not
 * begin for a while, and nobody more than `maxInFlight`. It grows and shrinks with the time in which it is used up, so it needs no option. One read
 * takes at most half of it, so that reading goes on while the other half is being acknowledged.
 */
export class Window {
  private size: number;
  private filledAt: number;
  /** Until the first read is in, messages count as large as they may be. */
  private meanBytes: number | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly maxBytes: number,
    private readonly maxMessageBytes: number,
    private readonly maxMessages: number,
  ) {
    this.size = Math.min(SMALLEST * 2, maxMessages);
    this.filledAt = clock.now();
  }

  /** How many to read now, with that many and that many bytes unfinished; 0 until half the window is free. */
  room(unfinished: number, bytes: number): number {
    const free = this.size - unfinished;
    if (free < this.size / 2) return 0;
    if (bytes >= this.maxBytes) return 0;
    const mean = this.meanBytes ?? this.maxMessageBytes;
    const half = Math.ceil(this.size / 2);
    return Math.max(1, Math.min(half, Math.floor((this.maxBytes - bytes) / mean)));
  }

  /** A read brought so many messages with so many bytes. */
  filled(count: number, asked: number, bytes: number): void {
    const now = this.clock.now();
    const tookMs = now - this.filledAt;
    this.filledAt = now;
    const mean = bytes / count;
    this.meanBytes = this.meanBytes === undefined ? mean : this.meanBytes * 0.8 + mean * 0.2;
    if (count < asked) return;
    if (tookMs < FAST_MS) this.size = Math.min(this.size * 2, LARGEST, this.maxMessages);
    else if (tookMs > SLOW_MS) this.size = Math.max(Math.floor(this.size / 2), Math.min(SMALLEST, this.maxMessages));
  }
}
