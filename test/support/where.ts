import { it } from 'vitest';

/** `it`, for a scenario that applies to this broker; where it does not there is no such test, rather than a skipped one. */
export function where(applies: boolean): (title: string, run: () => Promise<void>, timeout?: number) => void {
  return applies ? it : () => {};
}
