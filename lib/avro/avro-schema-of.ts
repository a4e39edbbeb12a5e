import { ConfigurationError } from '../core/errors.js';
import { avroModelOf } from '../serialization/avro/avro-model.js';
import type { AvroSchema, PayloadClass } from '../topic/topic.js';

/**
 * The Avro schema of a class with `@AvroModel`, frozen.
 *
 * @throws ConfigurationError naming each property whose Avro type cannot be told, with the cure.
 * @example
 * ```ts
 * await producer.sendAvro({ topic: 'user-events', message: event, schema: avroSchemaOf(UserEvent) });
 * ```
 */
export function avroSchemaOf(type: PayloadClass): AvroSchema {
  const model = avroModelOf(type);
  if (model) return model.schema;
  throw new ConfigurationError([
    `Class \`${type.name}\` has no @AvroModel. Decorate it: @AvroModel({ namespace: '…' }).`,
  ]);
}
