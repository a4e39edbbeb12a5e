import { MessageTooLargeError } from '../core/errors.js';
import { sizeOf, type OutgoingRecord } from '../core/message.js';

/** The fault of a record that is over the connection's limit; checked before anything leaves, on every broker. */
export function tooLarge(record: OutgoingRecord, maxMessageBytes: number): MessageTooLargeError | undefined {
  const size = sizeOf(record);
  if (size <= maxMessageBytes) return undefined;
  return new MessageTooLargeError(
    `Message to topic \`${record.topic}\` has ${size} bytes; \`maxMessageBytes\` is ${maxMessageBytes}. Send a reference to the data, or raise the limit here and on the broker.`,
    { topic: record.topic },
  );
}
