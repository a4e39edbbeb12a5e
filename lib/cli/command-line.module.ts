import { Module } from '@nestjs/common';
import { InjectCommander, type CommandRunner } from 'nest-commander';
import { MessagingCliModule } from './messaging-cli.module.js';

/** commander's own type, which nest-commander does not export. */
export type NativeCommand = Parameters<CommandRunner['setCommand']>[0];

/** `messaging` as a program of its own. */
@Module({ imports: [MessagingCliModule] })
export class CommandLineModule {
  constructor(@InjectCommander() readonly root: NativeCommand) {
    root.name('messaging').description('Topics, groups, messages and handlers of event-driven NestJS apps.');
  }
}
