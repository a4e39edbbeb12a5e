import type { Terminal } from '../terminal/terminal.js';

/** One option of a command, as it is written, explained and read. */
export interface CliOption<Value> {
  /** `-n, --count <n>`; without `<…>` it is a switch. */
  readonly flags: string;
  readonly description: string;
  /** Under this word only. */
  readonly place?: Place;
  /** @throws UsageError; `before` is there when the option is given again. */
  readonly read?: (text: string, before: Value | undefined) => Value;
}

/** Options by the name that the code knows them by, which is the long flag's in camel case. */
export type CliOptions = Readonly<Record<string, CliOption<never>>>;

export type CliValues<Options> = {
  readonly [Name in keyof Options]?: Options[Name] extends CliOption<infer Value> ? Value : never;
};

/** Under which word of the command line a command stands; `''` is `messaging` itself. */
export type Place = '' | 'kafka' | 'redis';

/** One call of a command. */
export interface CliCall<Options = CliOptions> {
  readonly place: Place;
  readonly args: readonly string[];
  readonly options: CliValues<Options>;
  readonly terminal: Terminal;
}

/** A verb: the one source of its parser, its `--help`, its page in the docs and its run. */
export interface CliCommand<Options = CliOptions> {
  /** `topics`, or `group seek`. */
  readonly name: string;
  readonly places: readonly Place[];
  /** One line. */
  readonly summary: string;
  /** What has to be known beyond the options; for the docs and `--help`. */
  readonly details?: string;
  /** In commander's writing: `<topic>`, `[names...]`. */
  readonly args: string;
  readonly options: Options;
  /** Each without `messaging` and without the place. */
  readonly examples: readonly string[];
  readonly run: (call: CliCall<Options>) => Promise<void>;
}

/** Keeps the types of the options for `run`. */
export function defineCommand<const Options>(command: CliCommand<Options>): CliCommand {
  return command as unknown as CliCommand;
}
