import { Inject } from '@nestjs/common';
import { ProducerService } from './producer.service.js';

/**
 * The injection token of a connection's producer; without a name, of the default connection's. A test overrides it.
 *
 * @example
 * ```ts
 * builder.overrideProvider(getProducerToken('eu')).useValue(fake);
 * ```
 */
export function getProducerToken(connection?: string): symbol | typeof ProducerService {
  return connection === undefined ? ProducerService : Symbol.for(`nestjs-messaging:producer:${connection}`);
}

/**
 * Injects the producer of a connection: `kafka`, `redis`, `memory`, or one of `connections`.
 *
 * @example
 * ```ts
 * constructor(@InjectProducer('eu') private readonly eu: ProducerService) {}
 * ```
 */
export function InjectProducer(connection?: string): PropertyDecorator & ParameterDecorator {
  return Inject(getProducerToken(connection));
}
