import { Inject, type Type } from '@nestjs/common';
import { CommandRunner, Option, SubCommand, Command as RootLevel } from 'nest-commander';
import { Terminal } from '../terminal/terminal.js';
import { endOfParser, tellFault, unknownCommand } from './faults.js';
import type { CliCommand, CliOption, CliOptions, CliValues, Place } from './command.js';

type Parser = (text: string, before?: unknown) => unknown;
type NativeCommand = Parameters<CommandRunner['setCommand']>[0];

/** Where a word stands: under `messaging` itself, or under another word. */
interface Word {
  readonly name: string;
  readonly isRoot: boolean;
}

/** A command as a class of nest-commander. */
export function commandRunner(place: Place, command: CliCommand): Type<CommandRunner> {
  const words = command.name.split(' ');
  class Runner extends MessagingRunner {
    protected carryOut(args: string[], options: CliValues<CliOptions> = {}): Promise<void> {
      return command.run({ place, args, options, terminal: this.terminal });
    }

    override setCommand(native: NativeCommand): this {
      native.addHelpText('after', helpAfter(place, command));
      return super.setCommand(native);
    }
  }
  for (const [name, option] of Object.entries(command.options))
    if ((option.place ?? place) === place) declareOption(Runner, name, option);
  const { args, summary } = command;
  const metadata = { name: words.at(-1) ?? '', description: summary, ...(args !== '' && { arguments: args }) };
  return declareCommand(Runner, [place, ...words], metadata);
}

/** A word with commands under it, which does nothing by itself. */
export function groupRunner(
  path: readonly string[],
  summary: string,
  subCommands: readonly Type<CommandRunner>[],
): Type<CommandRunner> {
  class Group extends MessagingRunner {
    protected async carryOut([given]: string[]): Promise<void> {
      if (given === undefined) return this.command.outputHelp();
      throw unknownCommand(
        path,
        given,
        this.command.commands.map((one) => one.name()),
      );
    }
  }
  const name = path.at(-1) ?? '';
  return declareCommand(Group, path, {
    name,
    description: summary,
    subCommands: [...subCommands],
    allowExcessArgs: true,
  });
}

abstract class MessagingRunner extends CommandRunner {
  constructor(protected readonly terminal: Terminal) {
    super();
  }

  protected abstract carryOut(args: string[], options?: CliValues<CliOptions>): Promise<void>;

  /** nest-commander ends with 0 whatever a command throws. */
  async run(args: string[], options?: CliValues<CliOptions>): Promise<void> {
    const { terminal } = this;
    await this.carryOut(args, options).catch((thrown: unknown) => tellFault(thrown, terminal));
    if (terminal.exitCode !== 0) process.exitCode = terminal.exitCode;
  }

  /** commander would end the process with a code of its own. */
  override setCommand(native: NativeCommand): this {
    native.exitOverride((error) => process.exit(endOfParser(error, this.terminal)));
    native.configureOutput({ writeErr: () => {} }); // what is wrong is told once, at the end
    native.allowExcessArguments(false);
    native.showSuggestionAfterError(true);
    return super.setCommand(native);
  }
}

/** nest-commander tells classes apart by their names, so no two may share one. */
function declareCommand(
  runner: Type<CommandRunner>,
  path: readonly string[],
  metadata: Parameters<typeof RootLevel>[0],
): Type<CommandRunner> {
  const words = path.filter((word) => word !== '');
  Object.defineProperty(runner, 'name', { value: `Messaging${words.map(capitalized).join('')}Command` });
  Inject(Terminal)(runner, undefined, 0);
  const place: Word = { name: metadata.name, isRoot: words.length === 1 };
  (place.isRoot ? RootLevel : SubCommand)(metadata)(runner);
  return runner;
}

/** A switch is handed `undefined`, and is true when it gets that back. */
function declareOption(
  runner: Type<CommandRunner>,
  name: string,
  { flags, description, read }: CliOption<never>,
): void {
  const parse: Parser = (text, before) => (text === undefined || !read ? text : read(text, before as undefined));
  Object.defineProperty(runner.prototype, `option:${name}`, { value: parse, enumerable: false, configurable: true });
  const descriptor = Object.getOwnPropertyDescriptor(runner.prototype, `option:${name}`) as PropertyDescriptor;
  Option({ flags, description })(runner.prototype as object, `option:${name}`, descriptor);
}

function helpAfter(place: Place, { details, examples }: CliCommand): string {
  const lines = examples.map((one) => `  $ ${['messaging', place, one].filter((word) => word !== '').join(' ')}`);
  return ['', ...(details === undefined ? [] : [...wrapped(details), '']), 'Examples:', ...lines].join('\n');
}

function wrapped(text: string): readonly string[] {
  return text.match(/.{1,79}(?: |$)/g)?.map((line) => line.trimEnd()) ?? [];
}

function capitalized(word: string): string {
  return word
    .split('-')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join('');
}
