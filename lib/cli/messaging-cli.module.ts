import { Module, type Type } from '@nestjs/common';
import type { CommandRunner } from 'nest-commander';
import { commands } from './commands/commands.js';
import type { CliCommand, Place } from './command/command.js';
import { commandRunner, groupRunner } from './command/to-runner.js';
import { Terminal } from './terminal/terminal.js';

/** Words with commands under them. */
const GROUPS: Readonly<Record<string, string>> = {
  schema: 'the Avro schemas of what the app writes, and the registry that they belong in',
  kafka: 'topics, groups, messages and dead letters of a Kafka cluster',
  redis: 'topics, messages and handlers on Redis Streams',
  'kafka group': 'one consumer group: where it is, and moving it',
  'kafka dlq': 'messages that were given up: look at them, send them again',
};

/**
 * The commands of `messaging`, for a command line of your own made with nest-commander.
 *
 * @example
 * ```ts
 * @Module({ imports: [MessagingCliModule], providers: [MyCommand] })
 * class CliModule {}
 * await CommandFactory.run(CliModule);
 * ```
 */
@Module({ providers: [{ provide: Terminal, useFactory: () => new Terminal() }, ...allRunners()] })
export class MessagingCliModule {}

function allRunners(): Type<CommandRunner>[] {
  return [...placeRunners(''), ...placeRunners('kafka'), ...placeRunners('redis')];
}

/** The class of the place's word comes last, with all classes of its commands before it. */
function placeRunners(place: Place): Type<CommandRunner>[] {
  const own = commands.filter(({ places }) => places.includes(place));
  const direct = own.filter(({ name }) => !name.includes(' ')).map((command) => commandRunner(place, command));
  const words = new Set(own.flatMap(({ name }) => (name.includes(' ') ? [name.split(' ')[0] as string] : [])));
  const grouped = [...words].map((word) => grouping(place, word, own));
  const children = [...direct, ...grouped.map(([group]) => group)];
  const root = place === '' ? [] : [groupRunner([place], GROUPS[place] ?? '', children)];
  return [...direct, ...grouped.flat(), ...root];
}

function grouping(
  place: Place,
  word: string,
  own: readonly CliCommand[],
): [group: Type<CommandRunner>, ...members: Type<CommandRunner>[]] {
  const members = own.filter(({ name }) => name.startsWith(`${word} `)).map((command) => commandRunner(place, command));
  const path = place === '' ? [word] : [place, word];
  return [groupRunner(path, GROUPS[path.join(' ')] ?? '', members), ...members];
}
