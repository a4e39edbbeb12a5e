import type { TopicPartition } from '../kafka/group-member.js';
import type { Committed } from '../kafka/start-positions.js';
import { promised, type NativeConsumer, type NativePosition } from './confluent.native.js';

const BROKER_MS = 5_000;

/** Where the group is: while a transaction with one of these is under way, librdkafka waits for its end. */
export async function committedPositions(
  consumer: NativeConsumer,
  partitions: readonly TopicPartition[],
): Promise<readonly Committed[]> {
  const answers = await promised<readonly (NativePosition | Error)[]>((done) =>
    consumer.committed(partitions, BROKER_MS, done),
  );
  return answers.map(toPosition);
}

function toPosition(committed: NativePosition | Error): Committed {
  if (committed instanceof Error) throw committed;
  const { topic, partition, offset = -1, metadata = '' } = committed;
  return { topic, partition, offset: String(offset), metadata };
}
