import { MessagingError } from './errors.js';

/** A compressed batch of messages that would be larger than it may be (`maxDecompressedBytes`); it is passed over. */
export class OversizedBatchError extends MessagingError {
  readonly firstOffset: string;
  readonly lastOffset: string;

  constructor(batch: {
    readonly topic: string;
    readonly partition: number;
    readonly firstOffset: bigint;
    readonly lastOffset: bigint;
    readonly maxBytes: number;
    /** Where the bound can be raised. */
    readonly option: string;
  }) {
    const { topic, partition, firstOffset, lastOffset, maxBytes, option } = batch;
    super(
      `Topic \`${topic}\`, partition ${partition}: the batch of offsets ${firstOffset} to ${lastOffset} has more than ${maxBytes} bytes when it is decompressed. It is passed over, and stays in the topic: to read it, raise \`${option}\` and seek the group to ${firstOffset}.`,
      { topic, partition, offset: String(firstOffset) },
    );
    this.firstOffset = String(firstOffset);
    this.lastOffset = String(lastOffset);
  }
}
