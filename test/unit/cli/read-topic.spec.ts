import { describe, expect, it } from 'vitest';
import { readTopic } from '../../../lib/cli/broker/read-topic.js';
import { systemClock } from '../../../lib/core/clock.js';
import { BrokerUnavailableError } from '../../../lib/core/errors.js';
import type { BrokerAdmin, ReadSink } from '../../../lib/driver/broker-admin.js';
import { MemoryDriver } from '../../../lib/driver/memory/memory.driver.js';
import { memoryOptions } from '../../../lib/options/memory.options.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import { records } from '../../support/records.js';
import { TestLog } from '../../support/test-log.js';

const NEVER = new AbortController().signal;

async function topicOf(...counts: readonly number[]): Promise<BrokerAdmin> {
  const options = resolveOptions(memoryOptions, { path: '', input: {}, faults: [] });
  const context = { connection: 'memory', clock: systemClock, log: new TestLog(), onStatus: () => {} };
  const driver = new MemoryDriver(options, context);
  await driver.admin.create([{ topic: 't', partitions: counts.length }]);
  const sends = counts.map((count, partition) => records('t', count).map((one) => ({ ...one, partition })));
  await driver.send(sends.flat(), Date.now() + 1_000);
  return driver.brokerAdmin;
}

describe('reading a topic', () => {
  it('ends at the ends that were there, and says so', async () => {
    const admin = await topicOf(5_000, 0, 3);
    const seen: string[] = [];
    const reached = await readTopic(admin, {
      topic: 't',
      from: await admin.positionsAt('t', { at: 'earliest' }),
      until: [
        { partition: 0, offset: '4321' },
        { partition: 1, offset: '0' },
        { partition: 2, offset: '3' },
      ],
      signal: NEVER,
      async onMessage({ partition, offset }) {
        seen.push(`${partition.index}@${offset}`);
        return true;
      },
    });
    expect(seen).toHaveLength(4_324);
    expect(seen).not.toContain('0@4321');
    expect(reached).toEqual([
      { partition: 0, offset: '4321' },
      { partition: 1, offset: '0' },
      { partition: 2, offset: '3' },
    ]);
  });

  it('ends when told, behind the last message that was looked at', async () => {
    const admin = await topicOf(10);
    let left = 4;
    const from = [{ partition: 0, offset: '2' }];
    const reached = await readTopic(admin, { topic: 't', from, signal: NEVER, onMessage: async () => --left > 0 });
    expect(reached).toEqual([{ partition: 0, offset: '6' }]);
  });

  it('ends when interrupted in the middle, at what was looked at', async () => {
    const admin = await topicOf(10);
    const interrupt = new AbortController();
    const from = [{ partition: 0, offset: '0' }];
    const onMessage = async ({ offset }: { readonly offset: string }) => {
      if (offset === '4') interrupt.abort();
      return true;
    };
    const reached = await readTopic(admin, { topic: 't', from, signal: interrupt.signal, onMessage });
    expect(reached).toEqual([{ partition: 0, offset: '5' }]);
  });

  it('fails with what ends the reader, and closes it', async () => {
    let closed = 0;
    const read = (_request: unknown, sink: ReadSink) => {
      setImmediate(() => sink.onError(new BrokerUnavailableError('gone')));
      return { pause() {}, resume() {}, close: async () => void closed++ };
    };
    const plan = { topic: 't', from: [{ partition: 0, offset: '0' }], signal: NEVER, onMessage: async () => true };
    await expect(readTopic({ read } as unknown as BrokerAdmin, plan)).rejects.toThrow('gone');
    expect(closed).toBe(1);
  });
});
