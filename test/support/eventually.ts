import { setTimeout as delay } from 'node:timers/promises';

/** Repeats an assertion until it holds; its last failure is the test's. */
export async function eventually<T>(assertion: () => T | Promise<T>, timeoutMs = 15_000): Promise<T> {
  for (const end = Date.now() + timeoutMs; ; await delay(10)) {
    try {
      return await assertion();
    } catch (error) {
      if (Date.now() >= end) throw error;
    }
  }
}
