import 'reflect-metadata';
import type { TopicRef } from '../topic/topic.js';

const PRODUCER = 'nestjs-messaging:producer';

/** What `@Producer` leaves on a method. */
export interface ProducerMetadata {
  readonly topic: TopicRef;
  /** The default connection without it. */
  readonly broker: string | undefined;
  readonly hasKey: boolean;
}

export function markProducer(method: object, metadata: ProducerMetadata): void {
  Reflect.defineMetadata(PRODUCER, metadata, method);
}

export function producerMetadataOf(method: object): ProducerMetadata | undefined {
  return Reflect.getOwnMetadata(PRODUCER, method) as ProducerMetadata | undefined;
}
