import { systemClock } from '../../core/clock.js';
import type { Delivery } from '../../core/delivery.js';
import { GroupInUseError, UnknownGroupError } from '../../core/errors.js';
import type { SubscribeRequest } from '../../driver/driver.js';
import { rawSerializer } from '../../serialization/raw.serializer.js';
import { MessageStream } from '../../stream/message-stream.js';
import type { StreamMessage } from '../../stream/stream-message.js';
import type { Broker } from './open-broker.js';

export interface GroupRead {
  readonly topic: string;
  readonly groupId: string;
  /** The group was free, and is being joined. */
  readonly onJoin: () => void;
  /** Ends the read. */
  readonly signal: AbortSignal;
  /** What it returns from counts as handled. False ends the read. */
  readonly onMessage: (delivery: Delivery) => Promise<boolean>;
}

const LIMITS = { maxInFlight: 1_000, maxUncommitted: 10_000 };

/**
 * Reads a topic as the one member of a group: each message counts as handled once it was looked at.
 *
 * @throws GroupInUseError while the group has members, which would get a part of the messages, or when they cannot be known.
 */
export async function readAsGroup({ admin, driver, log }: Broker, plan: GroupRead): Promise<void> {
  const { topic, groupId, signal, onJoin, onMessage } = plan;
  const members = await admin.describeGroup(groupId).then((group) => group.members, none);
  if (members !== 0) throw new GroupInUseError(groupId, members);
  const request: SubscribeRequest = {
    groupId,
    topics: [{ topic, autoOffsetReset: 'earliest', ...LIMITS }],
    maxPollRecords: LIMITS.maxInFlight,
    drainTimeoutMs: 1_000,
  };
  const stream = new MessageStream<Buffer | null>({
    clock: systemClock,
    log,
    serializer: rawSerializer,
    request,
    maxInFlight: LIMITS.maxInFlight,
    initialDelayMs: 0,
    hasPartitions: driver.features.partitions,
    onClosed: () => {},
  });
  signal.addEventListener('abort', () => void stream.close(), { once: true });
  stream.start(driver);
  onJoin();
  for await (const message of stream) {
    const goesOn = await onMessage(toDelivery(message));
    await stream.ack(message);
    if (!goesOn) break;
  }
}

function none(error: unknown): number {
  if (error instanceof UnknownGroupError) return 0;
  throw error;
}

function toDelivery(message: StreamMessage<Buffer | null>): Delivery {
  const { topic, partition: index, keyBuffer: key, value, headers, offset, timestamp, deliveries } = message;
  return { partition: { topic, index }, key, value, headers: [...headers], offset, timestamp, deliveries };
}
