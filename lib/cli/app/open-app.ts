import { pathToFileURL } from 'node:url';
import { ConsoleLogger, type INestMicroservice, type LogLevel, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ConfigurationError, MessagingError, toError } from '../../core/errors.js';
import { HandlerRegistry } from '../../discovery/handler.registry.js';
import { messagingMicroservice } from '../../worker/messaging.server.js';

/** The app's lines go where they do not mix with data. */
class StderrLogger extends ConsoleLogger {
  protected override printMessages(messages: unknown[], context?: string, logLevel?: LogLevel): void {
    super.printMessages(messages, context, logLevel, 'stderr');
  }
}

/**
 * The app of a compiled root module, made and not started: nothing is connected before `listen`.
 *
 * @throws ConfigurationError when the file is no Nest app with a `MessagingModule`.
 */
export async function openApp(
  file: string,
  levels: readonly LogLevel[] = ['error', 'warn'],
): Promise<INestMicroservice> {
  const app = await NestFactory.createMicroservice(await rootModuleOf(file), {
    ...messagingMicroservice(),
    abortOnError: false,
    logger: new StderrLogger({ logLevels: [...levels] }),
  }).catch((thrown: unknown) => {
    throw withAdvice(file, thrown);
  });
  return app;
}

/** What the app declares. Closes the app where that fails, since nothing else would. */
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
  return new ConfigurationError([
    `The app of \`${file}\` does not import MessagingModule.forRoot. Import it, or name another file with --app.`,
  ]);
}
