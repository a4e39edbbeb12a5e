import { markAvroModel } from '../serialization/avro/avro-model.js';
import type { PayloadClass } from '../topic/topic.js';
import { setModelOptions, type AvroModelOptions } from './avro-model.options.js';
import { buildModel } from './build-model.js';

/**
 * Gives a class an Avro schema. Its fields are the properties with `@AvroField` or class-validator decorators; a subclass is another
 * record and needs its own `@AvroModel`.
 *
 * @example
 * ```ts
 * @AvroModel({ namespace: 'com.example.users' })
 * export class UserEvent {
 *   @IsInt() userId!: number;
 *   @AvroField() action!: string;
 *   @AvroField({ nullable: true }) at?: Date;
 * }
 * ```
 */
export function AvroModel(options: AvroModelOptions): <Type extends PayloadClass>(type: Type) => void {
  return (type) => {
    setModelOptions(type, options);
    markAvroModel(type, () => buildModel(type));
  };
}
