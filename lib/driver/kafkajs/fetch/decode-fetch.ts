import { BrokerError, MessagingError } from '../../../core/errors.js';
import { OversizedBatchError } from '../../../core/oversized-batch.error.js';
import type { CodecName } from '../codecs/codec-name.js';
import { OversizedError } from '../codecs/codec.js';
import type { Codecs } from '../codecs/register-codecs.js';
import { BatchRecords } from './batch-records.js';
import { readFetchAnswer, type AnsweredPartition, type FetchAnswer } from './fetch-answer.js';
import { readOldMessages } from './old-messages.js';
import { batchAt, committed, isOld } from './record-batch.js';
import type { Decompress, Records } from './records.js';

const DEFAULT_BYTES = 64 * 1_048_576;

export interface FetchBound {
  readonly codecs: Codecs;
  /** Largest batch, in bytes, decompressed; 64 MiB if not given. */
  readonly maxBytes: number | undefined;
  /** A batch was passed over. */
  readonly onOversized: (error: OversizedBatchError) => void;
}

/** An answer whose records are read as far as their batches. */
export interface DecodedFetch extends Pick<FetchAnswer, 'clientSideThrottleTime'> {
  readonly responses: readonly DecodedTopic[];
}

interface DecodedTopic {
  readonly topicName: string;
  readonly partitions: readonly DecodedPartition[];
}

export interface DecodedPartition extends AnsweredPartition, Decoded {}

interface Decoded {
  readonly batches: readonly Records[];
  /** Up to here the log was read; undefined when the fetch brought nothing of it. */
  readonly lastOffset: number | undefined;
}

/**
 * Decodes the answer in kafkajs' place, which makes an object, five strings and nine big integers of each record before anybody asks for
 * it, decompresses whatever a batch says it holds, and hands over aborted records.
 */
export async function decodeFetch(answer: Buffer, version: number, bound: FetchBound): Promise<DecodedFetch> {
  const { clientSideThrottleTime, responses } = readFetchAnswer(answer, version);
  const decoded: DecodedTopic[] = [];
  for (const { topicName, partitions } of responses) {
    const own: DecodedPartition[] = [];
    for (const one of partitions) own.push({ ...one, ...(await decode(topicName, one, bound)) });
    decoded.push({ topicName, partitions: own });
  }
  return { clientSideThrottleTime, responses: decoded };
}

async function decode(topic: string, answered: AnsweredPartition, bound: FetchBound): Promise<Decoded> {
  const { partition, records, aborted } = answered;
  const decompress: Decompress = (codec, bytes, offsets) =>
    bounded(codec, bytes, { topic, partition, ...offsets }, bound);
  try {
    const read = isOld(records)
      ? await readOldMessages(records, decompress)
      : await readRecords(records, aborted, decompress);
    // a broker cuts off the last batch, never the first
    if (records.length > 0 && read.lastOffset === undefined)
      throw new RangeError('it is cut off, or of an unknown format');
    return read;
  } catch (cause) {
    if (cause instanceof MessagingError) throw cause;
    const text = `Topic \`${topic}\`, partition ${partition}: a batch of messages is damaged: ${(cause as Error).message}`;
    throw new BrokerError(text, { topic, partition, cause, retryable: false });
  }
}

/** What comes before damage is handed over first; of older formats nothing is. */
async function readRecords(
  records: Buffer,
  aborted: AnsweredPartition['aborted'],
  decompress: Decompress,
): Promise<Decoded> {
  const batches: Records[] = [];
  const isCommitted = committed(aborted);
  let lastOffset: number | undefined;
  try {
    for (let batch = batchAt(records, 0); batch; batch = batchAt(records, batch.end)) {
      const { codec, firstOffset: first, lastOffset: last } = batch;
      if (isCommitted(batch)) {
        const bytes = codec ? await decompress(codec, batch.records, { first, last }) : batch.records;
        if (bytes) batches.push(new BatchRecords(batch, bytes));
      }
      lastOffset = last;
    }
  } catch (error) {
    if (lastOffset === undefined) throw error;
  }
  return { batches, lastOffset };
}

async function bounded(
  codec: CodecName,
  bytes: Buffer,
  at: { readonly topic: string; readonly partition: number; readonly first: number; readonly last: number },
  { codecs, maxBytes = DEFAULT_BYTES, onOversized }: FetchBound,
): Promise<Buffer | undefined> {
  const { topic, partition, first, last } = at;
  const loaded = await codecs.load(codec);
  try {
    return await loaded.decompress(bytes, maxBytes);
  } catch (error) {
    if (!(error instanceof OversizedError)) throw error;
    const [firstOffset, lastOffset] = [BigInt(first), BigInt(last)];
    const option = 'maxDecompressedBytes';
    onOversized(new OversizedBatchError({ topic, partition, firstOffset, lastOffset, maxBytes, option }));
    return undefined;
  }
}
