import { MessagingError, type ErrorDetails } from './errors.js';

/** What a topic lets its batches become. */
export interface UnboundedTopic {
  readonly topic: string;
  /** As the broker writes them: `max.message.bytes` and `compression.type`. */
  readonly maxMessageBytes: number;
  readonly compressionType: string;
  /** How many times its size a batch can take in memory. */
  readonly growth: number;
  readonly maxDecompressedBytes: number;
}

/** With `backend: 'confluent'`: to read a batch of this topic could take more than `maxDecompressedBytes`. The topic is not read. */
export class UnboundedTopicError extends MessagingError {
  constructor(about: UnboundedTopic, details: ErrorDetails = {}) {
    const { topic, maxMessageBytes, compressionType, growth, maxDecompressedBytes } = about;
    super(
      `Topic \`${topic}\` is not read: a batch of it can take ${maxMessageBytes * growth} bytes (\`max.message.bytes\` ${maxMessageBytes} × ${growth} for \`compression.type\` ${compressionType}), more than \`maxDecompressedBytes\` (${maxDecompressedBytes}). Lower \`max.message.bytes\` to ${Math.floor(maxDecompressedBytes / growth)}, choose another \`compression.type\` (× 2: uncompressed, and zstd, which librdkafka bounds), raise \`maxDecompressedBytes\`, or read it with \`backend: 'kafkajs'\`.`,
      { ...details, topic },
    );
  }
}
