import 'reflect-metadata';
import { CommandFactory } from 'nest-commander';
import { MessagingError, toError } from '../core/errors.js';
import { loadEnvFile } from './broker/open-broker.js';
import { EXIT, UsageError } from './exit-code.js';
import { CommandLineModule } from './command-line.module.js';
import { Terminal } from './terminal/terminal.js';

/** What commander throws, instead of ending the process. */
interface CommanderError extends Error {
  readonly code: string;
}

/** Runs the command line of this process, and ends the process with the exit code. */
export async function run(version: string): Promise<void> {
  loadEnvFile();
  const faults: Error[] = [];
  const app = await CommandFactory.createWithoutRunning(CommandLineModule, {
    logger: false,
    version,
    errorHandler: onRootError,
    serviceErrorHandler: (thrown: unknown) => void faults.push(toError(thrown)),
    outputConfiguration: { writeErr: () => {} },
  });
  const terminal = app.get(Terminal);
  await CommandFactory.runApplication(app);
  const [fault] = faults;
  const code = fault ? tell(fault, terminal) : terminal.exitCode;
  await terminal.flush();
  process.exit(code);
}

/** The root command's own faults, as those of the others. */
function onRootError(error: Error): void {
  throw error;
}

function tell(error: Error, terminal: Terminal): number {
  if (isCommanderError(error)) {
    if (/^commander\.(help|helpDisplayed|version)$/.test(error.code)) return EXIT.done;
    terminal.tell(`${error.message.replace(/^error: /, '')}\nSee --help.`);
    return EXIT.usage;
  }
  terminal.tell(error instanceof MessagingError ? error.message : (error.stack ?? error.message));
  return error instanceof UsageError ? EXIT.usage : EXIT.failed;
}

function isCommanderError(error: Error): error is CommanderError {
  return 'code' in error && typeof error.code === 'string' && error.code.startsWith('commander.');
}
