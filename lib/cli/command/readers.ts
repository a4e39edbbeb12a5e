import { expected } from '../../options/resolve-options.js';
import { UsageError } from '../exit-code.js';
import type { CliOption } from './command.js';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export function flag(flags: string, description: string): CliOption<boolean> {
  return { flags, description };
}

export function text(flags: string, description: string): CliOption<string> {
  return { flags, description, read: (value) => value };
}

export function integer(flags: string, description: string, min = 0): CliOption<number> {
  return {
    flags,
    description,
    read(value) {
      const number = value.trim() === '' ? NaN : Number(value);
      if (Number.isSafeInteger(number) && number >= min) return number;
      throw new UsageError(expected(longFlag(flags), `an integer ≥ ${min}`, value));
    },
  };
}

/** `name=value`, as often as there are any; a name may come again. */
export function pairs(flags: string, description: string): CliOption<readonly (readonly [string, string])[]> {
  return {
    flags,
    description,
    read(value, before = []) {
      const at = value.indexOf('=');
      if (at < 1) throw new UsageError(expected(longFlag(flags), 'name=value', value));
      return [...before, [value.slice(0, at), value.slice(at + 1)]];
    },
  };
}

/** A moment, and the words for it: an age names another moment each time. */
export interface Moment {
  readonly given: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** ISO 8601, or how long ago: `15m`. */
export function moment(flags: string, description: string): CliOption<Moment> {
  return {
    flags,
    description,
    read(value) {
      const at = momentOf(value, Date.now());
      if (at !== undefined) return { given: value, at };
      throw new UsageError(expected(longFlag(flags), 'a time (2026-01-31T12:00Z) or an age (15m, 2h, 7d)', value));
    },
  };
}

export function momentOf(value: string, now: number): number | undefined {
  const [, count, unit = ''] = /^(\d+)(ms|s|m|h|d)$/.exec(value) ?? [];
  if (count !== undefined) return now - Number(count) * (UNITS[unit] as number);
  const time = /^\d{4}-\d\d/.test(value) ? Date.parse(value) : NaN;
  return Number.isNaN(time) ? undefined : time;
}

/** `-n, --count <n>` → `--count` */
export function longFlag(flags: string): string {
  return /--[a-z-]+/.exec(flags)?.[0] ?? flags;
}
