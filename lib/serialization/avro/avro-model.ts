import 'reflect-metadata';
import type { AvroSchema, PayloadClass } from '../../topic/topic.js';
import type { RecordShapes } from './shapes.js';

/** A class as Avro: its schema, and how decoded records become its instances. */
export interface AvroModelInfo {
  readonly schema: AvroSchema;
  readonly shapes: RecordShapes;
}

/** A fixed text, not a symbol of this module: the decorators are another entry point, which a bundler may copy. */
const MODEL = 'nestjs-messaging:avro-model';

/** `@AvroModel` leaves a function on its class, so that nothing here depends on class-validator, which that needs. */
export function markAvroModel(type: object, build: () => AvroModelInfo): void {
  let built: AvroModelInfo | undefined;
  Reflect.defineMetadata(MODEL, () => (built ??= build()), type);
}

/** Whether a class has `@AvroModel` itself; a subclass is another record, and needs its own. */
export function isAvroModel(type: PayloadClass | undefined): boolean {
  return type !== undefined && Reflect.hasOwnMetadata(MODEL, type);
}

/** The class as Avro; undefined without `@AvroModel`. @throws ConfigurationError when a property has no Avro type. */
export function avroModelOf(type: PayloadClass): AvroModelInfo | undefined {
  const build = Reflect.getOwnMetadata(MODEL, type) as (() => AvroModelInfo) | undefined;
  return build?.();
}
