import type { IHeaders, Message } from 'kafkajs';
import type { HeaderList } from '../../../core/headers.js';
import type { PendingSend } from '../pending-send.js';

/** A record whose partition is chosen. */
export type Placed = Pick<PendingSend, 'record' | 'partition'>;

/**
 * What kafkajs' `send` takes. It copies a partition's messages for each one among them; these have their groups ready.
 *
 * @param now ms since the epoch, for records without a timestamp
 */
export function toMessages(batch: readonly Placed[], now: number): Message[] {
  const nowText = String(now);
  const messages: Message[] = [];
  const perPartition: Record<number, Message[]> = {};
  for (const placed of batch) {
    const message = toMessage(placed, nowText);
    messages.push(message);
    (perPartition[placed.partition as number] ??= []).push(message);
  }
  return Object.defineProperty(messages, 'reduce', { value: () => perPartition }); // not enumerable: a tracer may copy them
}

/** The partition is on the message. */
export function pinned({ message }: { readonly message: Message }): number {
  return message.partition as number;
}

function toMessage({ record, partition }: Placed, nowText: string): Message {
  const { key, value, headers, timestamp } = record;
  const message: Message = {
    key,
    value,
    partition: partition as number,
    timestamp: timestamp === undefined ? nowText : String(timestamp),
  };
  if (headers.length > 0) message.headers = toHeaders(headers);
  return message;
}

/** kafkajs takes a repeated header as an array. */
function toHeaders(list: HeaderList): IHeaders {
  const headers = Object.create(null) as Record<string, Buffer | Buffer[]>;
  for (const [name, value] of list) {
    const known = headers[name];
    headers[name] = known === undefined ? value : [...(Array.isArray(known) ? known : [known]), value];
  }
  return headers;
}
