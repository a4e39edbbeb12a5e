import { inspect } from 'node:util';
import type { Option, OptionSet, ResolvedOf } from './option.js';
import { didYouMean } from './suggest.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where the values of one owner come from, and how its names are written in texts. */
export interface OptionSource {
  /** Before each name in texts: `kafka.` or ``. */
  readonly path: string;
  readonly input: unknown;
  /** Turns a name into its variable; without it no variable is read. */
  readonly variable?: (name: string) => string | undefined;
  readonly env?: Environment;
  /** Where what is wrong is told. Its default then stands in, so that the search for faults can go on. */
  readonly faults: string[];
}

/** Options > environment > defaults. */
export function resolveOptions<Set extends OptionSet>(set: Set, source: OptionSource): ResolvedOf<Set> {
  const input = objectOf(source);
  source.faults.push(...unknownNames(Object.keys(input), Object.keys(set), source.path));
  const resolved = Object.entries(set).map(([name, one]) => [name, resolveOne(name, one, input[name], source)]);
  return Object.fromEntries(resolved) as ResolvedOf<Set>;
}

/** `KAFKA_` + `sessionTimeoutMs` → `KAFKA_SESSION_TIMEOUT_MS` */
export function variableName(prefix: string, name: string): string {
  return prefix + name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/** "Expected `x` to be …, got `0` (number)." */
export function expected(name: string, expects: string, value: unknown, secret = false): string {
  const shown = secret ? '***' : show(value);
  return `Expected \`${name}\` to be ${expects}, got \`${shown}\` (${value === null ? 'null' : typeof value}).`;
}

function resolveOne(name: string, option: Option<unknown, unknown>, value: unknown, source: OptionSource): unknown {
  if (value !== undefined) return read(option, value, source.path + name, source.faults);
  const variable = source.variable?.(name);
  const text = variable === undefined ? undefined : source.env?.[variable];
  if (variable === undefined || text === undefined || text === '') return option.default;
  return read(option, option.parse(text), variable, source.faults);
}

function read(option: Option<unknown, unknown>, value: unknown, name: string, faults: string[]): unknown {
  const result = option.read(value);
  if (result !== undefined) return result;
  faults.push(expected(name, option.expects, value, option.secret));
  return option.default;
}

export function unknownNames(given: readonly string[], known: readonly string[], path: string): string[] {
  const strangers = given.filter((name) => !known.includes(name));
  return strangers.map(
    (name) => `Unknown option \`${path}${name}\`${didYouMean(name, known) || `; known are ${known.join(', ')}.`}`,
  );
}

function objectOf({ input, path, faults }: OptionSource): Readonly<Record<string, unknown>> {
  if (input === undefined) return {};
  if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input as Record<string, unknown>;
  faults.push(expected(path.replace(/\.$/, ''), 'an object of options', input));
  return {};
}

function show(value: unknown): string {
  return typeof value === 'string' ? value : inspect(value, { depth: 1, breakLength: Infinity, maxStringLength: 60 });
}
