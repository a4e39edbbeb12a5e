import 'reflect-metadata';
import { CommandFactory } from 'nest-commander';
import { loadEnvFile } from './broker/open-broker.js';
import { endOfParser, tellFault, unknownCommand } from './command/faults.js';
import { CommandLineModule, type NativeCommand } from './command-line.module.js';
import { UsageError } from './exit-code.js';
import { Terminal } from './terminal/terminal.js';

/** Runs the command line of this process, and ends the process with the exit code. */
export async function run(version: string): Promise<void> {
  loadEnvFile();
  const app = await CommandFactory.createWithoutRunning(CommandLineModule, {
    logger: false,
    version,
    errorHandler: (error) => process.exit(endOfParser(error as Parameters<typeof endOfParser>[0], app.get(Terminal))),
    serviceErrorHandler: (thrown: unknown) => tellFault(thrown, app.get(Terminal)),
    outputConfiguration: { writeErr: () => {} },
  });
  const terminal = app.get(Terminal);
  const fault = misplaced(process.argv[2] ?? '', app.get(CommandLineModule).root);
  if (fault) tellFault(fault, terminal);
  else await CommandFactory.runApplication(app);
  await terminal.flush();
  process.exit(terminal.exitCode);
}

/** A first word that is no command, told with where it is one: most commands stand under `kafka` and `redis`. */
function misplaced(word: string, root: NativeCommand): UsageError | undefined {
  const names = root.commands.map((one) => one.name());
  if (word.startsWith('-') || ['help', ...names].includes(word)) return undefined;
  const places = root.commands.filter(({ commands }) => commands.some((one) => one.name() === word));
  if (places.length === 0) return unknownCommand([], word, names);
  const written = places.map((place) => `\`messaging ${place.name()} ${word}\``);
  return new UsageError(`There is no command \`messaging ${word}\`, only ${written.join(' and ')}.`);
}
