import type { Delivery, Partition } from '../../../core/delivery.js';
import { NO_HEADERS } from '../../../core/headers.js';
import { codecOf, type CodecName } from '../codecs/codec-name.js';
import { endOf, isOld } from './record-batch.js';
import type { Decompress, Records } from './records.js';
import { WireReader } from '../wire/wire-reader.js';

/** A message in the format from before Kafka 0.11 (Kafka protocol, "Old Message Format"). A compressed one holds others. */
interface OldMessage {
  readonly offset: number;
  readonly codec: CodecName | undefined;
  /** -1 where the format has none. */
  readonly timestamp: number;
  readonly isStamped: boolean;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

/** Offset, length, checksum, magic and flags. */
const HEADER_BYTES = 18;
const APPEND_TIME = 0x08;

/** Those at the begin; a batch of today behind them is left to the next fetch. */
export async function readOldMessages(
  records: Buffer,
  decompress: Decompress,
): Promise<{ readonly batches: readonly Records[]; readonly lastOffset: number | undefined }> {
  const set = readSet(records);
  const batches: OldMessages[] = [];
  for (const message of set)
    batches.push(new OldMessages(message.codec ? await inside(message, message.codec, decompress) : [message]));
  return { batches, lastOffset: set.at(-1)?.offset };
}

class OldMessages implements Records {
  private next = 0;

  constructor(private readonly messages: readonly OldMessage[]) {}

  get left(): number {
    return this.messages.length - this.next;
  }

  get bytes(): number {
    return this.messages.reduce((sum, { key, value }) => sum + (key?.length ?? 0) + (value?.length ?? 0), 0);
  }

  read(partition: Partition): Delivery {
    const { offset, key, value, timestamp } = this.messages[this.next++] as OldMessage;
    return {
      partition,
      offset: String(offset),
      key: key?.length ? key : null,
      value,
      headers: NO_HEADERS,
      timestamp,
      deliveries: 1,
    };
  }

  skipTo(offset: number): void {
    while (this.left > 0 && (this.messages[this.next] as OldMessage).offset < offset) this.next++;
  }
}

function readSet(records: Buffer): OldMessage[] {
  const messages: OldMessage[] = [];
  let start = 0;
  while (records.length - start >= HEADER_BYTES) {
    const end = endOf(records, start, HEADER_BYTES);
    if (end > records.length || !isOld(records.subarray(start, end))) break;
    messages.push(readMessage(new WireReader(records.subarray(start, end))));
    start = end;
  }
  return messages;
}

function readMessage(reader: WireReader): OldMessage {
  const offset = reader.int64();
  reader.skip(8); // length, checksum
  const magic = reader.int8();
  const flags = reader.int8();
  return {
    offset,
    codec: codecOf(flags),
    timestamp: magic === 0 ? -1 : reader.int64(),
    isStamped: (flags & APPEND_TIME) > 0,
    key: reader.bytes(),
    value: reader.bytes(),
  };
}

/** The outer offset is that of the last one inside; since magic 1 the inner ones count from 0. */
async function inside(outer: OldMessage, codec: CodecName, decompress: Decompress): Promise<OldMessage[]> {
  const { offset, isStamped, timestamp, value } = outer;
  const bytes = value && (await decompress(codec, value, { first: offset, last: offset }));
  const messages = bytes ? readSet(bytes) : [];
  const shift = offset - (messages.at(-1)?.offset ?? 0);
  return messages.map((one) => ({
    ...one,
    offset: one.offset + shift,
    ...(isStamped && { timestamp }),
  }));
}
