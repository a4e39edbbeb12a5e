import { MessagingError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import { RegistryTlsError } from '../registry/errors.js';
import type { Formats } from '../serialization/formats.js';
import type { TopicClass, TopicRef } from '../topic/topic.js';
import type { DeclaredTopic, Definitions } from '../discovery/handler.registry.js';

/** What the app declares of one connection. */
export interface UsedTopics {
  readonly handlers: Definitions['handlers'];
  readonly declared: readonly DeclaredTopic[];
}

/**
 * Asks the registry at start for what the app will need of it: a schema that it refuses, or a certificate that cannot be trusted, fails
 * the start, and not each message. A registry that does not answer, or not to this login, is a line of the log: messages wait for it.
 *
 * @throws IncompatibleSchemaError, InvalidSchemaError, SubjectNotFoundError, RegistryTlsError
 */
export async function prepareSchemas(formats: Formats, used: UsedTopics, log: Log): Promise<void> {
  const written = writtenTopics(used);
  const read = used.handlers.flatMap(({ topicClasses }) => topicClasses);
  if (!formats.registry || ![...written, ...read].some(isAvro)) return;
  try {
    await formats.registry.check();
  } catch (error) {
    return waitsFor(error, log);
  }
  for (const topic of written) await formats.register(topic).catch((error: unknown) => waitsFor(error, log));
}

/** The topic classes whose messages the app is known to write: output topics, and those that it declares. */
export function writtenTopics({ handlers, declared }: UsedTopics): readonly TopicClass[] {
  const outputs = handlers.map(({ refs }) => refs.outputTopic).filter(isTopicClass);
  const others = declared.filter(({ isWritten }) => isWritten).map(({ topic }) => topic);
  return [...new Set([...outputs, ...others])];
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
