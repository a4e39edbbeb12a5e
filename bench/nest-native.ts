import type { DynamicModule, Type } from '@nestjs/common';
import { reference } from './references.js';

/** The part of `@nest-native/kafka` that is used here. */
export interface NestNative {
  readonly KafkaModule: { forRoot(options: object): DynamicModule };
  readonly KafkaConsumer: (topic: string, options: { readonly groupId: string }) => ClassDecorator;
  readonly KafkaHandler: () => MethodDecorator;
  readonly KafkaMessage: () => ParameterDecorator;
  readonly KafkaProducerService: Type<{ send(record: object): Promise<unknown> }>;
}

export function nestNative(): NestNative {
  return reference<NestNative>('@nest-native/kafka');
}
