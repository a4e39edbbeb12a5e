/** The only source of time and timers, so that a test can replace it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls `callback` once after `ms`; the returned function cancels it. */
  after(ms: number, callback: () => void): () => void;
}

/** setTimeout keeps a 32-bit signed delay; a longer one fires at once (Node docs, `timers`). */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(ms, 0), MAX_TIMER_MS));
    return () => clearTimeout(timer);
  },
};

/** Resolves after `ms`, or at once when `signal` aborts: the caller looks at the signal, nothing is thrown. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const finish = () => {
      cancel();
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = clock.after(ms, finish);
    signal?.addEventListener('abort', finish, { once: true });
  });
}

/** The moment until which a drain or a close may take. */
export interface Deadline {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Aborts when the moment has come. */
  readonly signal: AbortSignal;
  /** Forgets the timer; `signal` then never aborts. */
  cancel(): void;
}

export function deadlineIn(clock: Clock, ms: number): Deadline {
  const controller = new AbortController();
  const cancel = clock.after(ms, () => controller.abort());
  return { at: clock.now() + ms, signal: controller.signal, cancel };
}

/** True when `promise` settled within `ms`; its rejection is passed on, a late one is the caller's loss. Cheaper than a deadline of its own. */
export function settledWithin(clock: Clock, promise: Promise<unknown>, ms: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => resolve(false));
    promise.then(
      () => {
        cancel();
        resolve(true);
      },
      (error: Error) => {
        cancel();
        reject(error);
      },
    );
  });
}

/** True when `promise` settled before the deadline; its rejection is passed on, a late one is the caller's loss. */
export function settledBefore(promise: Promise<unknown>, deadline: Deadline): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const late = () => resolve(false);
    if (deadline.signal.aborted) late();
    deadline.signal.addEventListener('abort', late, { once: true });
    promise.then(() => resolve(true), reject).finally(() => deadline.signal.removeEventListener('abort', late));
  });
}
