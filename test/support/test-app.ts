import {
  type CallHandler,
  Module,
  type INestMicroservice,
  type LoggerService,
  type ModuleMetadata,
} from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import { MessagingModule, messagingMicroservice } from '../../lib/index.js';
import type { MessagingOptions } from '../../lib/options/messaging.options.js';

/** Nest makes the whole call where an interceptor is bound. */
export const passingInterceptor = {
  provide: APP_INTERCEPTOR,
  useValue: { intercept: (_context: unknown, next: CallHandler) => next.handle() },
};

export interface AppSpec extends ModuleMetadata {
  /** What `forRoot` gets; a group is there unless it says otherwise. */
  readonly options?: MessagingOptions;
}

/** What Nest's `Logger` was told. */
export class LogRecorder implements LoggerService {
  readonly lines: { readonly level: string; readonly text: string; readonly context: unknown }[] = [];
  log = (text: unknown, ...rest: unknown[]) => this.add('log', text, rest);
  warn = (text: unknown, ...rest: unknown[]) => this.add('warn', text, rest);
  error = (text: unknown, ...rest: unknown[]) => this.add('error', text, rest);
  debug = (text: unknown, ...rest: unknown[]) => this.add('debug', text, rest);
  verbose = (text: unknown, ...rest: unknown[]) => this.add('verbose', text, rest);

  texts(level: string): string[] {
    return this.lines.filter((line) => line.level === level).map(({ text }) => text);
  }

  private add(level: string, text: unknown, rest: readonly unknown[]): void {
    this.lines.push({ level, text: String(text), context: rest.at(-1) });
  }
}

/** A testing module of one module that imports `MessagingModule.forRoot`. */
export function testModule({ options = {}, imports = [], ...metadata }: AppSpec): TestingModuleBuilder {
  @Module({ ...metadata, imports: [MessagingModule.forRoot({ groupId: 'test-group', ...options }), ...imports] })
  class TestAppModule {}
  return Test.createTestingModule({ imports: [TestAppModule] });
}

export interface StartedApp {
  readonly app: INestMicroservice;
  readonly log: LogRecorder;
}

/** A pure microservice, listening, with its real drivers behind it. */
export async function startApp(
  spec: AppSpec,
  prepare: (builder: TestingModuleBuilder) => TestingModuleBuilder = (same) => same,
): Promise<StartedApp> {
  const log = new LogRecorder();
  const module = await prepare(testModule(spec)).setLogger(log).compile();
  const app = module.createNestMicroservice({ ...messagingMicroservice(), logger: log });
  try {
    await app.listen();
  } catch (error) {
    await app.close().catch(() => {}); // Nest 11 tells the error of the start again
    throw error;
  }
  return { app, log };
}
