import type { ErrorDetails } from '../core/errors.js';
import type { Source } from './serializer.js';

/** What is read or written, for texts and errors. */
export interface CodecContext {
  readonly topic: string;
  /** Where it stands; of what is written, and of a schema, nobody knows. */
  readonly partition?: number;
  readonly offset?: string;
  /** A message's value without it. */
  readonly part?: 'value' | 'key';
  /** What the writer's schema is called where it was found: the registry's id, or a fingerprint. */
  readonly writer?: string;
}

/** Of a message that is read. */
export function contextOf({ partition, offset }: Source, part: 'value' | 'key'): CodecContext {
  return { topic: partition.topic, partition: partition.index, offset, part };
}

/** What an error about this one message tells of it. */
export function detailsOf({ topic, partition, offset }: CodecContext, cause?: unknown): ErrorDetails {
  return { topic, partition, offset, cause };
}

/** How a text about it begins: "Message of topic `orders`". */
export function textOf({ topic, part }: CodecContext): string {
  return `${part === 'key' ? 'Key of a message' : 'Message'} of topic \`${topic}\``;
}
