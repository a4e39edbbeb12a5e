import { MessagingError, toError } from '../../core/errors.js';
import { didYouMean } from '../../options/suggest.js';
import { EXIT, UsageError } from '../exit-code.js';
import type { Terminal } from '../terminal/terminal.js';

/** What commander throws, instead of ending the process. */
interface ParserEnd extends Error {
  readonly code: string;
}

const HELPED = new Set(['commander.help', 'commander.helpDisplayed', 'commander.version']);

/** Tells why a command failed, and with which code the process ends. */
export function tellFault(thrown: unknown, terminal: Terminal): void {
  const error = toError(thrown);
  terminal.tell(error instanceof MessagingError ? error.message : (error.stack ?? error.message));
  terminal.exitCode = error instanceof UsageError ? EXIT.usage : EXIT.failed;
}

/** The exit code of a command line that ended in the parser: it asked for help, or was written wrongly, which is told. */
export function endOfParser({ code, message }: ParserEnd, terminal: Terminal): number {
  if (HELPED.has(code)) return EXIT.done;
  terminal.tell(`${message.replace(/^error: /, '')}\nSee --help.`);
  return EXIT.usage;
}

/** @param path the words before it @param known those that could stand there */
export function unknownCommand(path: readonly string[], given: string, known: readonly string[]): UsageError {
  const written = ['messaging', ...path, given].join(' ');
  return new UsageError(
    `There is no command \`${written}\`${didYouMean(given, known) || `; known are ${known.join(', ')}.`}`,
  );
}
