import { pathToFileURL } from 'node:url';
import { ConsoleLogger, type INestMicroservice, type LogLevel, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ConfigurationError, MessagingError, toError } from '../../core/errors.js';
import { HandlerRegistry, type DeclaredTopic } from '../../discovery/handler.registry.js';
import { MESSAGING_OPTIONS } from '../../messaging.tokens.js';
import type { ResolvedMessagingOptions } from '../../options/messaging.options.js';
import type { HandlerDefinition } from '../../worker/handler-definition.js';
import { messagingMicroservice } from '../../worker/messaging.server.js';
import type { Terminal } from '../terminal/terminal.js';

/** How the app's log is written: each level on stderr, where it does not mix with data. */
export interface AppLog {
  readonly terminal: Terminal;
  readonly levels?: readonly LogLevel[];
  readonly json?: boolean | undefined;
}

class StderrLogger extends ConsoleLogger {
  protected override printMessages(...args: Parameters<ConsoleLogger['printMessages']>): void {
    const [messages, context, logLevel, , ...rest] = args;
    super.printMessages(messages, context, logLevel, 'stderr', ...rest);
  }
}

/** The root module does not import `MessagingModule`. */
export class NoMessagingError extends ConfigurationError {}

/**
 * The app of a compiled root module, made and not started: nothing is connected before `listen`. What it logs meanwhile is held back until
 * `app.flushLogs()`.
 *
 * @throws NoMessagingError, ConfigurationError when the file is no Nest app.
 */
export async function openApp(
  file: string,
  { terminal, levels = ['error', 'warn'], json = false }: AppLog,
): Promise<INestMicroservice> {
  const root = await rootModuleOf(file);
  const colors = !json && terminal.isColored('stderr');
  try {
    return await NestFactory.createMicroservice(root, {
      ...messagingMicroservice(),
      abortOnError: false,
      bufferLogs: true,
      logger: new StderrLogger({ logLevels: [...levels], colors, json }),
    });
  } catch (thrown) {
    throw withAdvice(file, thrown);
  }
}

/** What the app declares, and with which options. */
export interface AppContent {
  readonly options: ResolvedMessagingOptions;
  readonly handlers: readonly HandlerDefinition[];
  /** What it declares beside them. */
  readonly topics: readonly DeclaredTopic[];
}

/** Looks into an app that is not to be run. @throws as `openApp` */
export async function lookIntoApp(file: string, terminal: Terminal): Promise<AppContent> {
  const app = await openApp(file, { terminal });
  app.flushLogs();
  const { handlers, topics } = handlersOf(app).definitions;
  return { options: app.get(MESSAGING_OPTIONS), handlers, topics };
}

export function handlersOf(app: INestMicroservice): HandlerRegistry {
  return app.get(HandlerRegistry);
}

async function rootModuleOf(file: string): Promise<Type> {
  const found = (await import(pathToFileURL(file).href)) as Readonly<Record<string, unknown>>;
  const inner = (found['default'] ?? {}) as Readonly<Record<string, unknown>>; // of CommonJS, all exports
  const candidates = [found['AppModule'], inner['AppModule'], found['default'], ...Object.values(found)];
  const root = candidates.find((one): one is Type => typeof one === 'function');
  if (root) return root;
  throw new ConfigurationError([
    `\`${file}\` exports no class, only ${Object.keys(found).join(', ') || 'nothing'}. Export the root module as AppModule or as default.`,
  ]);
}

function withAdvice(file: string, thrown: unknown): Error {
  const error = toError(thrown);
  if (error instanceof MessagingError) return error;
  const isOurs = /MessagingServer/.test(error.message);
  if (!isOurs) return error;
  return new NoMessagingError([
    `The app of \`${file}\` does not import MessagingModule.forRoot. Import it, or name another file with --app.`,
  ]);
}
