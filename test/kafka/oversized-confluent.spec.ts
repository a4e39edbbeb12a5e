import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { deadlineIn, systemClock } from '../../lib/core/clock.js';
import { KafkajsBeside } from '../../lib/driver/confluent/kafkajs-beside.js';
import type { Driver } from '../../lib/driver/driver.js';
import { TestMember } from '../contract/test-member.js';
import { brokerAddress, kafkaBackends } from '../support/brokers/with-broker.js';
import { eventually } from '../support/eventually.js';
import { record } from '../support/records.js';
import { unique } from '../support/unique.js';
import { openDriver } from './support.js';

const address = brokerAddress('kafka') ?? '';

describe.runIf(kafkaBackends().includes('confluent'))('a compressed batch that is too large, with confluent', () => {
  const bound = (bytes: number) => ({ 'receive.message.max.bytes': bytes, 'fetch.max.bytes': bytes / 2 });
  const write = async (driver: Driver, topic: string, values: readonly string[]) => {
    const results = await driver.send(
      values.map((value) => record(topic, value, { partition: 0 })),
      Date.now() + 20_000,
    );
    expect(results.filter((result) => result instanceof Error)).toEqual([]);
  };

  it('zstd: is passed over with an error, and what follows is read, whatever lies between two of them', async () => {
    const topic = unique('oversized');
    const [large, one] = ['x'.repeat(1_500_000), { compressionType: 'zstd', maxMessageBytes: 10_000_000 } as const];
    const writer = await openDriver('confluent', address, { ...one, lingerMs: 200, maxBatchSize: 9_000_000 });
    await writer.admin.create([{ topic, partitions: 2 }]);
    for (const values of [['before'], [large, large, large], ['between', 'them'], [large, large], ['after']])
      await write(writer, topic, values);
    await writer.send([record(topic, 'other', { partition: 1 })], Date.now() + 20_000);
    const driver = await openDriver('confluent', address, { native: bound(2_000_000), autoCommitIntervalMs: 100 });
    const groupId = unique('oversized');
    const member = TestMember.join(driver, { topics: [topic], groupId });
    const all = ['after', 'before', 'between', 'other', 'them'];
    await eventually(() => expect(member.values.toSorted()).toEqual(all), 30_000);
    expect(member.errors).toMatchObject([
      { code: 'OVERSIZED_BATCH', topic, partition: 0, firstOffset: '1', lastOffset: '3' },
      { code: 'OVERSIZED_BATCH', topic, partition: 0, firstOffset: '6', lastOffset: '7' },
    ]);
    expect(member.errors[0]?.message).toBe(
      `Topic \`${topic}\`, partition 0: the batch of offsets 1 to 3 has more than 2000000 bytes when it is decompressed. It is passed over, and stays in the topic: to read it, raise \`native['receive.message.max.bytes']\` and seek the group to 1.`,
    );
    await member.subscription.stop(deadlineIn(systemClock, 5_000));
    const again = TestMember.join(driver, { topics: [topic], groupId });
    await eventually(() => expect(again.assigned).toHaveLength(2));
    await write(writer, topic, ['new']);
    await eventually(() => expect(again.values).toEqual(['new']));
    expect(again.errors).toEqual([]);
    for (const each of [writer, driver]) await each.close(deadlineIn(systemClock, 5_000));
  });

  it.each([
    [{}, /take 1082142816 bytes \(`max\.message\.bytes` 1048588 × 1032 for `compression\.type` producer\)/],
    [{ 'compression.type': 'lz4' }, /take 267389940 bytes .* Lower `max\.message\.bytes` to 19607,/],
    [{ 'compression.type': 'zstd', 'max.message.bytes': '2500001' }, /take 5000002 bytes .* × 2 for .* zstd/],
  ])('maxDecompressedBytes: a topic with %o, whose batches could become larger, is refused', async (configs, text) => {
    const topic = unique('unbounded');
    const driver = await openDriver('confluent', address, { maxDecompressedBytes: 5_000_000 });
    await driver.admin.create([{ topic, partitions: 1, configs }]);
    await write(driver, topic, ['small']);
    const member = TestMember.join(driver, { topics: [topic], groupId: unique('unbounded') });
    await eventually(() => expect(member.errors).toMatchObject([{ code: 'UNBOUNDED_TOPIC', topic }]));
    expect(member.errors[0]?.message).toMatch(text);
    expect(member.isOver).toBe(true);
    const errors: Error[] = [];
    const from = [{ partition: 0, offset: '0' }];
    const sink = { onRead: () => {}, onError: (error: Error) => void errors.push(error) };
    const reader = driver.brokerAdmin?.read({ topic, groupId: unique('reader'), from }, sink);
    await eventually(() => expect(errors).toMatchObject([{ code: 'UNBOUNDED_TOPIC' }]));
    expect(member.values).toEqual([]);
    await reader?.close();
    await driver.close(deadlineIn(systemClock, 5_000));
  });

  it('maxDecompressedBytes: a topic that takes only what cannot become larger is read', async () => {
    const topic = unique('bounded');
    const writer = await openDriver('confluent', address, { compressionType: 'gzip', maxMessageBytes: 10_000_000 });
    await writer.admin.create([{ topic, partitions: 1, configs: { 'max.message.bytes': '10000' } }]);
    const large = 'x'.repeat(9_000_000);
    await write(writer, topic, [large, 'after']);
    const driver = await openDriver('confluent', address, { maxDecompressedBytes: 10_320_000 });
    const member = TestMember.join(driver, { topics: [topic], groupId: unique('bounded') });
    await eventually(() => expect(member.values.map(({ length }) => length)).toEqual([9_000_000, 5]));
    for (const each of [writer, driver]) await each.close(deadlineIn(systemClock, 5_000));
  });

  it('maxDecompressedBytes: a batch of zstd that is larger is passed over', async () => {
    const topic = unique('bounded');
    const writer = await openDriver('confluent', address, { compressionType: 'zstd', maxMessageBytes: 10_000_000 });
    await writer.admin.create([{ topic, partitions: 1, configs: { 'compression.type': 'zstd' } }]);
    for (const value of ['before', 'x'.repeat(9_000_000), 'after']) await write(writer, topic, [value]);
    const driver = await openDriver('confluent', address, { maxDecompressedBytes: 5_000_000 });
    const member = TestMember.join(driver, { topics: [topic], groupId: unique('bounded') });
    await eventually(() => expect(member.values).toEqual(['before', 'after']), 30_000);
    expect(member.errors).toMatchObject([{ code: 'OVERSIZED_BATCH', firstOffset: '1', lastOffset: '1' }]);
    expect(member.errors[0]?.message).toMatch(/more than 5000000 bytes .* raise `maxDecompressedBytes`/);
    for (const each of [writer, driver]) await each.close(deadlineIn(systemClock, 5_000));
  });

  it('maxDecompressedBytes: without kafkajs, which would be asked about the topics, nothing connects', async () => {
    const find = vi.spyOn(KafkajsBeside.prototype, 'find').mockResolvedValue(undefined);
    onTestFinished(() => find.mockRestore());
    const opening = openDriver('confluent', address, { maxDecompressedBytes: 5_000_000 });
    await expect(opening).rejects.toThrow(
      "`maxDecompressedBytes` with `backend: 'confluent'` needs it. Install it: npm i kafkajs",
    );
  });

  it('zstd: is one of more than 100 MB', async () => {
    const topic = unique('oversized');
    const writer = await openDriver('confluent', address, { compressionType: 'zstd', maxMessageBytes: 150_000_000 });
    await writer.admin.create([{ topic, partitions: 1 }]);
    for (const value of ['before', 'x'.repeat(110_000_000), 'after']) await write(writer, topic, [value]);
    const driver = await openDriver('confluent', address, { autoCommitIntervalMs: 100 });
    const member = TestMember.join(driver, { topics: [topic], groupId: unique('oversized') });
    await eventually(() => expect(member.values).toEqual(['before', 'after']), 30_000);
    expect(member.errors).toMatchObject([{ code: 'OVERSIZED_BATCH', firstOffset: '1', lastOffset: '1' }]);
    const ends: string[] = [];
    const from = [{ partition: 0, offset: '0' }];
    const sink = { onRead: () => {}, onError: ({ message }: Error) => void ends.push(message) };
    const reader = driver.brokerAdmin?.read({ topic, groupId: unique('reader'), from }, sink);
    await eventually(() => expect(ends).toEqual([expect.stringMatching(/cannot be decompressed: .* Raise `native/)]));
    await reader?.close();
    for (const each of [writer, driver]) await each.close(deadlineIn(systemClock, 5_000));
  });
});
