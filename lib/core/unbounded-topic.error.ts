import { MessagingError, type ErrorDetails } from './errors.js';

/** What a topic lets its batches become. */
export interface UnboundedTopic {
  readonly topic: string;
  /** As the broker writes them: `max.message.bytes` and `compression.type`. */
  readonly maxMessageBytes: number;
  readonly compressionType: string;
  /** How many times its size a batch can take. */
  readonly growth: number;
  readonly maxDecompressedBytes: number;
}

/** With `backend: 'confluent'`: a batch of this topic could become larger than `maxDecompressedBytes`, and nothing would stop it. The topic is not read. */
export class UnboundedTopicError extends MessagingError {
  constructor(about: UnboundedTopic, details: ErrorDetails = {}) {
    const { topic, maxMessageBytes, compressionType, growth, maxDecompressedBytes } = about;
    super(
      `Topic \`${topic}\` is not read: with \`max.message.bytes\` ${maxMessageBytes} and \`compression.type\` ${compressionType} a batch can take ${maxMessageBytes * growth} bytes when it is decompressed, more than \`maxDecompressedBytes\` (${maxDecompressedBytes}), and librdkafka bounds only zstd. Lower \`max.message.bytes\` to ${Math.floor(maxDecompressedBytes / growth)}, change \`compression.type\` (zstd and uncompressed take least), raise \`maxDecompressedBytes\`, or read it with \`backend: 'kafkajs'\`.`,
      { ...details, topic },
    );
  }
}
