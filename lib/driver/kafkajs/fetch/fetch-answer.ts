import { BrokerError } from '../../../core/errors.js';
import { WireReader } from '../wire/wire-reader.js';

/** What of an answer to a fetch kafkajs looks at, by its names. */
export interface FetchAnswer {
  /** How long the broker wants to be left alone, in ms. */
  readonly clientSideThrottleTime: number;
  readonly responses: readonly AnsweredTopic[];
}

export interface AnsweredTopic {
  readonly topicName: string;
  /** Those of which there is something to tell: kafkajs takes some pains with each that it gets. */
  readonly partitions: readonly AnsweredPartition[];
}

export interface AnsweredPartition {
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: string;
  /** In the order of their end. */
  readonly aborted: readonly AbortedTransaction[];
  /** A follower to ask instead; -1 for none. */
  readonly preferredReadReplica: number;
  /** Record batches, the last of which may be cut off. */
  readonly records: Buffer;
}

export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

/** Those that kafkajs asks for, since Kafka 0.11. */
const VERSIONS = { first: 4, last: 11 };

/** Reads the answer of a broker (Kafka protocol, `FetchResponse`). @throws BrokerError for one that is older. */
export function readFetchAnswer(answer: Buffer, version: number): FetchAnswer {
  if (version < VERSIONS.first || version > VERSIONS.last)
    throw new BrokerError(
      `Fetches of version ${version} cannot be read: the broker has to be of Kafka 0.11 or newer.`,
      { retryable: false },
    );
  const reader = new WireReader(answer);
  const throttleMs = reader.int32();
  if (version >= 7) reader.skip(6); // an error and the id of a session, of which kafkajs has none
  const responses = reader.array(() => ({
    topicName: reader.string(),
    partitions: reader.array(() => readPartition(reader, version)).filter(isNews),
  }));
  return { clientSideThrottleTime: version >= 8 ? throttleMs : 0, responses };
}

function readPartition(reader: WireReader, version: number): AnsweredPartition {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const highWatermark = String(reader.int64());
  reader.skip(version >= 5 ? 16 : 8); // the last stable offset, and where the log begins
  const aborted = reader.array(() => ({ producerId: reader.int64(), firstOffset: reader.int64() }));
  const preferredReadReplica = version >= 11 ? reader.int32() : -1;
  const records = reader.take(Math.max(reader.int32(), 0));
  return { partition, errorCode, highWatermark, aborted, preferredReadReplica, records };
}

function isNews({ errorCode, preferredReadReplica, records }: AnsweredPartition): boolean {
  return errorCode !== 0 || preferredReadReplica >= 0 || records.length > 0;
}
