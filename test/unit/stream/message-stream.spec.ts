import { describe, expect, it } from 'vitest';
import { deadlineIn } from '../../../lib/core/clock.js';
import type { Delivery, Partition } from '../../../lib/core/delivery.js';
import { MessagingError } from '../../../lib/core/errors.js';
import { NO_HEADERS } from '../../../lib/core/headers.js';
import type { DeliverySink, Driver, Subscription } from '../../../lib/driver/driver.js';
import { rawSerializer } from '../../../lib/serialization/raw.serializer.js';
import type { Serializer } from '../../../lib/serialization/serializer.js';
import { MessageStream } from '../../../lib/stream/message-stream.js';
import { FakeClock, settle } from '../../../lib/testing/fake-clock.js';
import { TestLog } from '../../support/test-log.js';

class RegistryDown extends MessagingError {
  override readonly pausesPartition = true;
}

/** A stream on a driver that remembers what it is asked for. */
function openStream(serializer: Serializer = rawSerializer) {
  const clock = new FakeClock();
  const paused = new Set<Partition>();
  const settled: string[] = [];
  let sink: DeliverySink | undefined;
  const subscription: Subscription = {
    pause: (partitions) => partitions.forEach((one) => paused.add(one)),
    resume: (partitions) => partitions.forEach((one) => paused.delete(one)),
    settle: ({ offset }, { kind }) => void settled.push(`${kind} ${offset}`),
    stop: async () => {},
  };
  const stream = new MessageStream({
    clock,
    log: new TestLog(),
    serializer,
    request: { groupId: 'g', topics: [], maxPollRecords: 10, drainTimeoutMs: 60_000 },
    maxInFlight: 2,
    initialDelayMs: 0,
    hasPartitions: true,
    onClosed: () => {},
  });
  stream.start({
    subscribe: (_request: unknown, to: DeliverySink) => ((sink = to), subscription),
  } as unknown as Driver);
  return { stream, sink: sink as unknown as DeliverySink, clock, paused, settled };
}

function deliveries(partition: Partition, ...offsets: number[]): Delivery[] {
  return offsets.map((n) => ({
    partition,
    offset: String(n),
    key: null,
    value: Buffer.from(String(n)),
    headers: NO_HEADERS,
    timestamp: 0,
    deliveries: 1,
  }));
}

describe('a stream', () => {
  it('reads on from the partitions that it paused, when another came meanwhile', async () => {
    const { stream, sink, paused } = openStream();
    const [first, second] = [
      { topic: 't', index: 0 },
      { topic: 't', index: 1 },
    ];
    sink.onAssigned([first]);
    sink.onDeliveries(first, deliveries(first, 0, 1));
    expect(paused).toEqual(new Set([first]));
    sink.onAssigned([second]);
    expect(paused).toEqual(new Set([first, second]));
    for (let n = 0; n < 2; n++) await stream.ack((await stream.next()).value as never);
    expect(paused).toEqual(new Set());
  });

  it('reads on when what it waited for went to another member', () => {
    const { sink, paused } = openStream();
    const [first, second] = [
      { topic: 't', index: 0 },
      { topic: 't', index: 1 },
    ];
    sink.onAssigned([first, second]);
    sink.onDeliveries(first, deliveries(first, 0, 1));
    sink.onLost([first]);
    expect(paused.has(second)).toBe(false);
  });

  it('drains at once when what it was reading is given back, for its registry is down', async () => {
    const deserialize = async () => {
      throw new RegistryDown('down');
    };
    const { stream, sink, clock, settled } = openStream({ ...rawSerializer, deserialize });
    const partition = { topic: 't', index: 0 };
    sink.onAssigned([partition]);
    sink.onDeliveries(partition, deliveries(partition, 0));
    const ended = stream.next();
    await settle();
    const deadline = deadlineIn(clock, 60_000);
    let isDrained = false;
    void stream.drain(deadline).then(() => (isDrained = true));
    await clock.advance(3_000);
    expect({ isDrained, settled }).toEqual({ isDrained: true, settled: ['release 0'] });
    expect((await ended).done).toBe(true);
    deadline.cancel();
  });
});
