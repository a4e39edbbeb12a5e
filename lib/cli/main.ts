#!/usr/bin/env node
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Texts of `--help` by command, written at build by the commands themselves: Nest alone takes 0.3 s to load. */
const HELP_FILE = new URL('./help.json', import.meta.url);

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  if (args.length === 1 && ['--version', '-V'].includes(args[0] as string)) return write(version);
  const help = helpFor(args);
  if (help !== undefined) return write(help);
  const own = new URL('./run.js', import.meta.url).href;
  const { run } = (await import(runnerOfProject() ?? own)) as { run: (version: string) => Promise<void> };
  await run(version);
}

function write(text: string): void {
  process.stdout.write(`${text.trimEnd()}\n`);
}

function helpFor(args: readonly string[]): string | undefined {
  const asks = args.length === 0 || args.some((arg) => arg === '--help' || arg === '-h');
  if (!asks || process.env['MESSAGING_CLI_REAL_HELP'] || !existsSync(HELP_FILE)) return undefined;
  const words = args.filter((arg) => !arg.startsWith('-'));
  const texts = JSON.parse(readFileSync(HELP_FILE, 'utf8')) as Readonly<Record<string, string>>;
  const lengths = words.map((_word, index) => words.length - index); // what stands behind a command are its arguments
  return [...lengths, 0].map((length) => texts[words.slice(0, length).join(' ')]).find((text) => text !== undefined);
}

/**
 * The project's own copy of this package, when this one is installed elsewhere: an app and its commands must share one, or the app's
 * providers are not found.
 */
function runnerOfProject(): string | undefined {
  try {
    const entry = createRequire(join(process.cwd(), 'package.json')).resolve('nestjs-messaging/cli');
    return pathToFileURL(join(entry, '..', 'run.js')).href;
  } catch {
    return undefined; // the project has none: this copy serves
  }
}

main().catch((error: NodeJS.ErrnoException) => {
  const isMissing = error.code === 'ERR_MODULE_NOT_FOUND' && error.message.includes("'nest-commander'");
  process.stderr.write(
    isMissing
      ? 'The package `nest-commander` is missing; the command line needs it. Install it: npm i nest-commander\n'
      : `${error.stack ?? error.message}\n`,
  );
  process.exitCode = 1;
});
