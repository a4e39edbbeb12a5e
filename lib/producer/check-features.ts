import { UnsupportedByBrokerError } from '../core/errors.js';
import type { OutgoingRecord } from '../core/message.js';
import type { Connection } from '../connection/connection.js';

/** The record, if its broker can do what the sender asks for. @throws UnsupportedByBrokerError before anything leaves. */
export function checkFeatures(record: OutgoingRecord, { name, features }: Connection): OutgoingRecord {
  const { topic, partition, dueAt, idempotencyKey } = record;
  const refuse = (text: string) => {
    throw new UnsupportedByBrokerError(`Connection \`${name}\` ${text} Leave it out.`, { topic, connection: name });
  };
  if (partition !== undefined && !features.partitions)
    refuse(`has no partitions to choose, but \`partition\` is ${partition}.`);
  if (dueAt !== undefined && !features.delayed) refuse('cannot keep a message back, but `delayMs` is set.');
  if (idempotencyKey !== undefined && !features.idempotencyKey)
    refuse('knows no repeated messages, but `idempotencyKey` is set.');
  return record;
}
