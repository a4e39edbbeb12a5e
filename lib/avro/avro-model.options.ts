import 'reflect-metadata';
import type { PayloadClass } from '../topic/topic.js';

const OPTIONS = 'nestjs-messaging:avro-model-options';

/** A record's names in Avro. */
export interface AvroModelOptions {
  /** As `com.example.shop`: letters, digits and _, with points between. */
  readonly namespace: string;
  /** The class's name without it. */
  readonly name?: string;
  readonly doc?: string;
  /** Earlier full names of the record. */
  readonly aliases?: readonly string[];
}

export function setModelOptions(type: object, options: AvroModelOptions): void {
  Reflect.defineMetadata(OPTIONS, options, type);
}

export function modelOptionsOf(type: PayloadClass): AvroModelOptions | undefined {
  return Reflect.getOwnMetadata(OPTIONS, type) as AvroModelOptions | undefined;
}
