import { MessageHeaders } from '../core/headers.js';
import type { StoredRecord } from '../memory-broker/memory-topic.js';
import type { Formats } from '../serialization/formats.js';
import type { Serializer, Source } from '../serialization/serializer.js';
import { TopicSerializer } from '../serialization/topic.serializer.js';
import type { TopicClass } from '../topic/topic.js';
import type { SentMessage } from './test-messaging.js';

/** A record that the app wrote. */
export interface SentRecordOf {
  readonly connection: string;
  readonly topic: string;
  readonly partition: number;
  readonly record: StoredRecord;
}

/** What was read of a record; what no one here can read stays bytes. */
interface Read {
  readonly message: unknown;
  readonly key: unknown;
}

/** Reads what an app sent, once each: JSON, and Avro as the topic's class has it. */
export class SentReader {
  private readonly read = new Map<SentRecordOf, Read>();
  private readonly prepared = new WeakSet<SentRecordOf>();

  /** @param formatsOf of a connection, by its name */
  constructor(private readonly formatsOf: (connection: string) => Formats) {}

  messageOf<Message>(sent: SentRecordOf, type: TopicClass | undefined): SentMessage<Message> {
    const { partition, record } = sent;
    const { offset, headers } = record;
    const known = this.read.get(sent) ?? { message: this.valueOf(sent, type), key: this.keyOf(sent, type) };
    return {
      topic: sent.topic,
      partition,
      offset: String(offset),
      key: (known.key instanceof Promise ? record.key : known.key) as string | undefined,
      message: (known.message instanceof Promise ? record.value : known.message) as Message,
      headers: new MessageHeaders(headers),
    };
  }

  /** Waits for the schemas that have to be looked up. */
  async prepare(sent: SentRecordOf, type: TopicClass | undefined): Promise<void> {
    if (this.prepared.has(sent)) return;
    this.prepared.add(sent);
    const [value, key] = [this.valueOf(sent, type), this.keyOf(sent, type)];
    if (value instanceof Promise || key instanceof Promise)
      this.read.set(sent, { message: await value, key: await key });
  }

  private valueOf(sent: SentRecordOf, type: TopicClass | undefined): unknown {
    const { value } = sent.record;
    if (value === null) return null;
    const json = parsed(value);
    if (json !== undefined || !type) return json ?? value;
    return orElse(value, () => this.serializerOf(sent.connection, type).deserialize(value, sourceOf(sent)));
  }

  private keyOf(sent: SentRecordOf, type: TopicClass | undefined): unknown {
    const { key } = sent.record;
    if (key === null) return undefined;
    const serializer = type && this.serializerOf(sent.connection, type);
    if (!serializer?.deserializeKey) return key.toString('utf8');
    return orElse(key, () => serializer.deserializeKey?.(key, sourceOf(sent)));
  }

  /** It was validated when it was sent, or its topic does not want that. */
  private serializerOf(connection: string, type: TopicClass): Serializer {
    const serializer = this.formatsOf(connection).of(type);
    return serializer instanceof TopicSerializer ? serializer.unchecked() : serializer;
  }
}

function sourceOf({ topic, partition: index, record: { offset, headers } }: SentRecordOf): Source {
  return { partition: { topic, index }, offset: String(offset), headers };
}

/** The bytes, where they cannot be read: sent with `raw`, or with a schema that is known to the sender alone. */
function orElse(bytes: Buffer, read: () => unknown): unknown {
  try {
    const value = read();
    return value instanceof Promise ? value.catch(() => bytes) : value;
  } catch {
    return bytes;
  }
}

function parsed(value: Buffer): unknown {
  try {
    return JSON.parse(value.toString('utf8')) as unknown;
  } catch {
    return undefined; // no JSON text stands for undefined
  }
}
