import 'reflect-metadata';
import { CommandFactory } from 'nest-commander';
import { CommandLineModule, type NativeCommand } from './command-line.module.js';

/** What `--help` prints, by the words of the command; `''` is that of `messaging` itself. For the build, which keeps it in a file. */
export async function helpTexts(version: string): Promise<Readonly<Record<string, string>>> {
  const app = await CommandFactory.createWithoutRunning(CommandLineModule, { logger: false, version });
  const texts = textsOf(app.get(CommandLineModule).root, []);
  await app.close();
  return Object.fromEntries(texts);
}

function textsOf(command: NativeCommand, path: readonly string[]): (readonly [string, string])[] {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part), getOutHelpWidth: () => 80 });
  command.outputHelp();
  const below = command.commands.flatMap((one) => textsOf(one, [...path, one.name()]));
  return [[path.join(' '), text], ...below];
}
