import type { Clock } from '../../core/clock.js';
import type { NativeConsumer, NativeError, NativeMessage, NativePosition } from './confluent.native.js';

/** The wake-up comes from librdkafka; this is for the case that it does not. */
const IDLE_MS = 100;

export interface PollLoopParts {
  readonly consumer: NativeConsumer;
  readonly clock: Clock;
  /** Most messages of one poll. */
  readonly max: number;
  readonly onMessages: (messages: readonly NativeMessage[], ends: readonly NativePosition[]) => void;
  readonly onError: (error: NativeError) => void;
}

/**
 * Polls all the time, while partitions are paused or drained too: a poll brings rebalances and proves to librdkafka that we live. It never
 * waits inside a poll, but for librdkafka's wake-up.
 */
export class PollLoop {
  isRunning = false;
  private running: Promise<void> = Promise.resolve();
  private readonly tasks: (() => Promise<void>)[] = [];
  private ends: NativePosition[] = [];
  private awake = false;
  private rouse = () => {};
  private lastPollAt: number;
  private turns: (() => void)[] = [];

  constructor(private readonly parts: PollLoopParts) {
    this.lastPollAt = parts.clock.now();
    parts.consumer.on('partition.eof', (end) => this.ends.push(end));
  }

  start(): void {
    this.isRunning = true;
    this.lastPollAt = this.parts.clock.now();
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.isRunning = false;
    this.wake();
    await this.running;
  }

  /** Something is to be polled. */
  wake(): void {
    this.awake = true;
    this.rouse();
  }

  /** Runs `task` while no poll is under way, so that no message of before it comes after it. */
  between(task: () => Promise<void> | void): Promise<void> {
    if (!this.isRunning) return Promise.resolve().then(task);
    return new Promise((resolve, reject) => {
      this.tasks.push(() => Promise.resolve().then(task).then(resolve, reject));
      this.wake();
    });
  }

  /** Resolves after the next poll. */
  turn(): Promise<void> {
    if (!this.isRunning) return Promise.resolve();
    return new Promise((resolve) => this.turns.push(resolve));
  }

  /** How long ago the last poll was. */
  gapMs(now: number): number {
    return now - this.lastPollAt;
  }

  private async run(): Promise<void> {
    while (this.isRunning) {
      this.awake = false;
      const count = await this.poll();
      for (const task of this.tasks.splice(0)) await task();
      for (const resolve of this.turns.splice(0)) resolve();
      if (count === 0 && !this.awake) await this.rest();
    }
    for (const task of this.tasks.splice(0)) await task();
    for (const resolve of this.turns.splice(0)) resolve();
  }

  /** An `AbortSignal` in place of the callback costs a stack trace each time. */
  private rest(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.parts.clock.after(IDLE_MS, resolve);
      this.rouse = () => {
        cancel();
        resolve();
      };
    });
  }

  private poll(): Promise<number> {
    const { consumer, clock, max, onMessages, onError } = this.parts;
    return new Promise((resolve) =>
      consumer.consume(max, (error, messages = []) => {
        this.lastPollAt = clock.now();
        const ends = this.ends;
        this.ends = [];
        if (error) onError(error);
        else if (messages.length > 0 || ends.length > 0) onMessages(messages, ends);
        resolve(error ? 0 : messages.length);
      }),
    );
  }
}
