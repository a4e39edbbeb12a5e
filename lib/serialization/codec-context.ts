/** What is read or written, for texts. */
export interface CodecContext {
  readonly topic: string;
  /** A message's value without it. */
  readonly part?: 'value' | 'key';
  /** What the writer's schema is called where it was found: the registry's id, or a fingerprint. */
  readonly writer?: string;
}

/** How a text about it begins: "Message of topic `orders`". */
export function textOf({ topic, part }: CodecContext): string {
  return `${part === 'key' ? 'Key of a message' : 'Message'} of topic \`${topic}\``;
}
