/** What is read or written, for texts. */
export interface CodecContext {
  readonly topic: string;
  /** A message's value without it. */
  readonly part?: 'value' | 'key';
}

/** How a text about it begins: "Message of topic `orders`". */
export function textOf({ topic, part }: CodecContext): string {
  return `${part === 'key' ? 'Key of a message' : 'Message'} of topic \`${topic}\``;
}
