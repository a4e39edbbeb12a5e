import type { PayloadClass, TopicValidation } from '../topic/topic.js';
import { PayloadValidator } from '../validation/payload-validator.js';
import type { PayloadReader } from './payload.reader.js';
import type { Serializer, Source } from './serializer.js';

export interface TopicSerializerParts {
  readonly schema: PayloadClass;
  readonly topic: string;
  readonly validation: TopicValidation;
  readonly write: Serializer['serialize'];
  readonly read: PayloadReader;
  readonly readKey: PayloadReader | undefined;
}

/** A topic with a class: what goes out is validated first, what comes in becomes an instance and is validated then. */
export class TopicSerializer implements Serializer {
  readonly deserializeKey: PayloadReader | undefined;
  private readonly validator: PayloadValidator;

  constructor(private readonly parts: TopicSerializerParts) {
    this.validator = new PayloadValidator(parts.schema, parts.topic);
    this.deserializeKey = parts.readKey;
  }

  serialize(message: unknown, topic: string): Buffer | Promise<Buffer> {
    const { validation, write } = this.parts;
    if (validation === false || validation === 'receive') return write(message, topic);
    const checked = this.validator.check(message, `Message to topic \`${topic}\``);
    return checked ? checked.then(() => write(message, topic)) : write(message, topic);
  }

  deserialize(value: Buffer, source: Source): unknown {
    const { topic } = source.partition;
    const payload = this.parts.read(value, source);
    return payload instanceof Promise
      ? payload.then((read) => this.received(read, topic))
      : this.received(payload, topic);
  }

  /** The same, writing in another way. */
  writing(write: Serializer['serialize']): Serializer {
    return new TopicSerializer({ ...this.parts, write });
  }

  /** The same without validation: for what was validated before. */
  unchecked(): Serializer {
    return new TopicSerializer({ ...this.parts, validation: false });
  }

  private received(payload: unknown, topic: string): unknown {
    const { validation } = this.parts;
    const instance = this.validator.hydrate(payload);
    if (validation === false || validation === 'send') return instance;
    return this.validator.check(instance, `Message of topic \`${topic}\``)?.then(() => instance) ?? instance;
  }
}
