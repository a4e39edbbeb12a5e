/**
 * One option: what it takes, its default, and how its environment variable is read. The types of the option objects that users
 * write, the checks at start, and the tables in the docs all come from these declarations.
 */
export interface Option<In, Out> {
  /** Ends the sentence "Expected `x` to be …". */
  readonly expects: string;
  /** The value as the code uses it; undefined when it is not acceptable. */
  readonly read: (value: unknown) => Out | undefined;
  /** A variable's text as the value that `read` takes. */
  readonly parse: (text: string) => unknown;
  readonly default: Out | undefined;
  /** What the docs show as the default where the code must know whether a value was given. */
  readonly implied?: string;
  /** Never shown in a text. */
  readonly secret: boolean;
  /** Carries the type only. */
  readonly input?: In;
}

/** The options of one owner, by name. */
export type OptionSet = Readonly<Record<string, Option<unknown, unknown>>>;

/** What a user writes. */
export type InputOf<Set> = {
  readonly [Name in keyof Set]?: (Set[Name] extends Option<infer In, unknown> ? In : never) | undefined;
};

/** What the code gets: every option there, defaults filled in. */
export type ResolvedOf<Set> = {
  readonly [Name in keyof Set]: Set[Name] extends Option<unknown, infer Out> ? Out : never;
};

/** An option without a default may be absent. */
type Resolved<T, Default> = Default extends T ? T : T | undefined;

interface Rule<T, Default extends T | undefined> {
  readonly default?: Default;
}

interface Range {
  readonly min?: number;
  readonly max?: number;
}

export function integer<Default extends number | undefined = undefined>(
  rule: Rule<number, Default> & Range & { readonly infinity?: boolean } = {},
): Option<number, Resolved<number, Default>> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER, infinity = false } = rule;
  const accepts = (value: unknown): value is number =>
    (Number.isInteger(value) && inRange(value as number, min, max)) || (infinity && value === Infinity);
  const range = max === Number.MAX_SAFE_INTEGER ? `an integer ≥ ${min}` : `an integer from ${min} to ${max}`;
  return option(rule, { expects: infinity ? `${range}, or Infinity` : range, accepts, parse: toNumber });
}

export function number<Default extends number | undefined = undefined>(
  rule: Rule<number, Default> & Required<Range>,
): Option<number, Resolved<number, Default>> {
  const { min, max } = rule;
  return option(rule, {
    expects: `a number from ${min} to ${max}`,
    accepts: (value): value is number => typeof value === 'number' && inRange(value, min, max),
    parse: toNumber,
  });
}

export function text<Default extends string | undefined = undefined>(
  rule: Rule<string, Default> & { readonly secret?: boolean } = {},
): Option<string, Resolved<string, Default>> {
  return {
    ...option(rule, {
      expects: 'a text that is not empty',
      accepts: (value): value is string => typeof value === 'string' && value.length > 0,
    }),
    secret: rule.secret ?? false,
  };
}

export function flag<Default extends boolean | undefined = undefined>(
  rule: Rule<boolean, Default> = {},
): Option<boolean, Resolved<boolean, Default>> {
  const words: Readonly<Record<string, boolean>> = {
    true: true,
    1: true,
    yes: true,
    false: false,
    0: false,
    no: false,
  };
  return option(rule, {
    expects: 'true or false',
    accepts: (value): value is boolean => typeof value === 'boolean',
    parse: (input) => words[input.trim().toLowerCase()] ?? input,
  });
}

export function oneOf<const T extends string | boolean | number, Default extends T | undefined = undefined>(
  values: readonly T[],
  rule: Rule<T, Default> = {},
): Option<T, Resolved<T, Default>> {
  return option(rule, {
    expects: `one of ${values.map((value) => `\`${value}\``).join(', ')}`,
    accepts: (value): value is T => (values as readonly unknown[]).includes(value),
    parse: (input) => values.find((value) => String(value) === input.trim()) ?? input,
  });
}

/** Any value that a predicate takes; for classes, functions and other things that no variable can hold. */
export function custom<T, Default extends T | undefined = undefined>(
  expects: string,
  accepts: (value: unknown) => value is T,
  rule: Rule<T, Default> = {},
): Option<T, Resolved<T, Default>> {
  return option(rule, { expects, accepts });
}

/** An object; a variable holds it as JSON. */
export function object(): Option<Readonly<Record<string, unknown>>, Readonly<Record<string, unknown>> | undefined> {
  return option<Readonly<Record<string, unknown>>, undefined>(
    {},
    {
      expects: 'an object of settings',
      accepts: (value): value is Readonly<Record<string, unknown>> =>
        typeof value === 'object' && value !== null && !Array.isArray(value),
      parse: fromJson,
    },
  );
}

/** `host:port`, several of them with commas or as an array. */
export function hosts(rule: {
  readonly default: readonly string[];
}): Option<string | readonly string[], readonly string[]> {
  const pattern = /^(\[[^\]]+\]|[^\s:,/]+):\d{1,5}$/;
  return {
    expects: 'a comma list of `host:port`',
    read(value) {
      const list = (typeof value === 'string' ? value.split(',') : Array.isArray(value) ? value : []).map(trimmed);
      const given = list.filter((entry) => entry !== '');
      return given.length > 0 && given.every((entry) => pattern.test(entry)) ? given : undefined;
    },
    parse: (input) => input,
    default: rule.default,
    secret: false,
  };
}

interface Check<T> {
  readonly expects: string;
  readonly accepts: (value: unknown) => value is T;
  readonly parse?: (text: string) => unknown;
}

/** What the functions above are made of. */
export function option<T, Default extends T | undefined>(
  rule: Rule<T, Default>,
  { expects, accepts, parse = (input) => input }: Check<T>,
): Option<T, Resolved<T, Default>> {
  type Out = Resolved<T, Default>;
  return {
    expects,
    read: (value) => (accepts(value) ? (value as Out) : undefined),
    parse,
    default: rule.default as Out | undefined,
    secret: false,
  };
}

/** A text that is no number is left as it is, for the fault to show. */
function toNumber(input: string): number | string {
  return input.trim() !== '' && Number.isFinite(Number(input)) ? Number(input) : input;
}

/** A text that is no JSON is left as it is, for the fault to show. */
function fromJson(input: string): unknown {
  try {
    return JSON.parse(input);
  } catch {
    return input;
  }
}

function inRange(value: number, min: number, max: number): boolean {
  return value >= min && value <= max;
}

function trimmed(value: unknown): string {
  return typeof value === 'string' ? value.trim() : '\u0000';
}
