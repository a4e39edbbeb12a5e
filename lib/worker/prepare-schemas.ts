import { MessagingError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import { RegistryTlsError } from '../registry/errors.js';
import type { Formats } from '../serialization/formats.js';
import type { TopicClass, TopicRef } from '../topic/topic.js';
import type { HandlerDefinition } from './handler-definition.js';

/**
 * Asks the registry at start for what handlers will need of it: a schema that it refuses, or a certificate that cannot be trusted, fails
 * the start, and not each message. A registry that does not answer, or not to this login, is a line of the log: messages wait for it.
 *
 * @throws IncompatibleSchemaError, InvalidSchemaError, SubjectNotFoundError, RegistryTlsError
 */
export async function prepareSchemas(
  formats: Formats,
  handlers: readonly HandlerDefinition[],
  log: Log,
): Promise<void> {
  if (!formats.registry || !handlers.some(({ topicClasses }) => topicClasses.some(isAvro))) return;
  try {
    await formats.registry.check();
  } catch (error) {
    return waitsFor(error, log);
  }
  const written = handlers.map(({ refs }) => refs.outputTopic).filter(isTopicClass);
  for (const topic of new Set(written)) await formats.register(topic).catch((error: unknown) => waitsFor(error, log));
}

/** Only what may pass by itself is waited for. */
function waitsFor(error: unknown, log: Log): void {
  if (!(error instanceof MessagingError && error.pausesPartition) || error instanceof RegistryTlsError) throw error;
  log.warn(`${error.message} Messages that need the registry wait for it.`);
}

function isAvro({ format, keySchema }: TopicClass): boolean {
  return format === 'avro' || keySchema !== undefined;
}

function isTopicClass(ref: TopicRef | undefined): ref is TopicClass {
  return typeof ref === 'object' || typeof ref === 'function';
}
