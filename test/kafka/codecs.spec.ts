import { spawnSync } from 'node:child_process';
import kafkajs from 'kafkajs';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { deadlineIn, systemClock } from '../../lib/core/clock.js';
import { registerCodecs } from '../../lib/driver/kafkajs/codecs/register-codecs.js';
import type { Driver } from '../../lib/driver/driver.js';
import { TestMember } from '../contract/test-member.js';
import { brokerAddress, kafkaBackends } from '../support/brokers/with-broker.js';
import { eventually } from '../support/eventually.js';
import { hasPython } from '../support/programs.js';
import { record } from '../support/records.js';
import { unique } from '../support/unique.js';
import { openDriver, type Backend } from './support.js';

const address = brokerAddress('kafka') ?? '';
const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
const hasKafkaPython = hasPython(
  'kafka, lz4.frame, snappy, zstandard',
  'apt-get install python3-kafka python3-lz4 python3-snappy python3-zstandard',
);

/** As the peers tell it: bytes as Latin-1. */
interface Told {
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [string, string])[];
}

const BINARY = '\u0000\u00ff\u0082';
const HEADERS = [
  ['trace', 'first'],
  ['trace', 'second'],
  ['bytes', BINARY],
] as const;

/** Some that are small and some that compress well, with headers, binary ones, and a tombstone. */
const messages: readonly Told[] = [
  { key: 'a', value: 'x'.repeat(20_000), headers: [] },
  { key: 'tombstone', value: null, headers: [] },
  { key: 'b', value: BINARY, headers: HEADERS },
  ...Array.from({ length: 60 }, (_, index) => ({ key: `k${index}`, value: `value ${index} `.repeat(30), headers: [] })),
];

const bytes = (text: string) => Buffer.from(text, 'latin1');
const toRecord = (topic: string, { key, value, headers }: Told) =>
  record(topic, value === null ? null : bytes(value), {
    key: key as string,
    partition: 0,
    headers: headers.map(([name, text]) => [name, bytes(text)]),
  });

/** Two clients of others, as programs. */
const peers = {
  kcat: {
    write(topic: string, codec: string): void {
      const lines = messages.map(({ key, value }) => `${key}\t${value === null ? '' : 'y'.repeat(value.length)}`);
      run('kcat', ['-P', '-b', address, '-t', topic, '-p', '0', '-K', '\t', '-Z', '-z', codec], lines.join('\n'));
    },
    read(topic: string): string[] {
      return lines(run('kcat', ['-C', '-b', address, '-t', topic, '-o', 'beginning', '-e', '-q', '-f', '%k|%S|%h\\n']));
    },
  },
  python: {
    write(topic: string, codec: string): void {
      const input = messages.map((one) => JSON.stringify(one)).join('\n');
      run('/usr/bin/python3', ['test/support/kafka_codecs_peer.py', 'write', address, topic, codec], input);
    },
    read(topic: string): Told[] {
      return lines(run('/usr/bin/python3', ['test/support/kafka_codecs_peer.py', 'read', address, topic])).map(
        (line) => JSON.parse(line) as Told,
      );
    },
  },
};

/** kcat ends the text of a header at a zero byte. */
function toKcat({ key, value, headers }: Told): string {
  const shown = headers.map(([name, text]) => `${name}=${text.split('\u0000')[0]}`).join(',');
  return `${key}|${value?.length ?? -1}|${shown}`;
}

/** The codecs that kafkajs' consumers meet in what they read from now on. */
async function watchDecompressions(): Promise<() => Set<string>> {
  const watched = await Promise.all(
    (['gzip', 'snappy', 'lz4', 'zstd'] as const).map(
      async (name) => [name, vi.spyOn(await registerCodecs(kafkajs).load(name), 'decompress')] as const,
    ),
  );
  return () => new Set(watched.flatMap(([name, { mock }]) => (mock.calls.length > 0 ? [name] : [])));
}

function run(command: string, args: readonly string[], input = ''): string {
  const { stdout, stderr, status } = spawnSync(command, args, { input, encoding: 'latin1', timeout: 30_000 });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
  return stdout;
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

describe.runIf(hasKafkaPython).each(kafkaBackends())('compression with %s', (backend) => {
  const drivers: Driver[] = [];
  afterEach(() => void vi.restoreAllMocks());
  afterAll(() => Promise.all(drivers.map((driver) => driver.close(deadlineIn(systemClock, 5_000)))));
  const open = async (compressionType: (typeof CODECS)[number], by: Backend = backend) => {
    const driver = await openDriver(by, address, { compressionType, lingerMs: 5, maxBatchSize: 1_000_000 });
    drivers.push(driver);
    return driver;
  };
  /** What a member of ours reads, as the peers tell it. */
  const readBy = async (driver: Driver, topic: string, count: number): Promise<Told[]> => {
    const member = TestMember.join(driver, { topics: [topic], groupId: unique('codec') });
    await eventually(() => expect(member.seen).toHaveLength(count), 30_000);
    await member.subscription.stop(deadlineIn(systemClock, 5_000));
    return member.seen.map(({ key, value, headers }) => ({
      key: key?.toString('latin1') ?? null,
      value: value?.toString('latin1') ?? null,
      headers: headers.map(([name, text]) => [name, text.toString('latin1')] as const),
    }));
  };

  it.each(CODECS)('%s: others and the other backend read what is written, and the reverse', async (codec) => {
    const driver = await open(codec);
    const [ours, kcats, pythons] = [unique('ours'), unique('kcat'), unique('python')];
    await driver.admin.create([ours, kcats, pythons].map((topic) => ({ topic, partitions: 1 })));
    const results = await driver.send(
      messages.map((one) => toRecord(ours, one)),
      Date.now() + 20_000,
    );
    expect(results.filter((result) => result instanceof Error)).toEqual([]);
    expect(peers.python.read(ours)).toEqual(messages);
    expect(peers.kcat.read(ours)).toEqual(messages.map(toKcat));
    const used = await watchDecompressions();
    for (const by of kafkaBackends())
      expect(await readBy(await open('none', by), ours, messages.length)).toEqual(messages);
    expect(used()).toEqual(new Set(codec === 'none' ? [] : [codec]));

    peers.python.write(pythons, codec);
    expect(await readBy(driver, pythons, messages.length)).toEqual(messages);
    peers.kcat.write(kcats, codec);
    const read = await readBy(driver, kcats, messages.length);
    expect(read.map(({ value }) => value?.length ?? null)).toEqual(messages.map(({ value }) => value?.length ?? null));
  });
});

describe.runIf(address !== '')('a compressed batch that is too large, with kafkajs', () => {
  it.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)(
    '%s: is passed over with an error, and what follows is read',
    async (codec) => {
      const topic = unique('oversized');
      const writer = await openDriver('kafkajs', address, { compressionType: codec, maxMessageBytes: 10_000_000 });
      await writer.admin.create([{ topic, partitions: 2 }]);
      for (const value of ['before', 'x'.repeat(9_000_000), 'after'])
        expect(await writer.send([record(topic, value, { partition: 0 })], Date.now() + 20_000)).toMatchObject([
          { partition: 0 },
        ]);
      await writer.send([record(topic, 'other', { partition: 1 })], Date.now() + 20_000);
      const driver = await openDriver('kafkajs', address, {
        maxDecompressedBytes: 1_000_000,
        autoCommitIntervalMs: 100,
      });
      const member = TestMember.join(driver, { topics: [topic], groupId: unique('oversized') });
      await eventually(() => expect(member.values.toSorted()).toEqual(['after', 'before', 'other']));
      expect(member.errors).toMatchObject([
        { code: 'OVERSIZED_BATCH', topic, partition: 0, firstOffset: '1', lastOffset: '1' },
      ]);
      expect(member.errors[0]?.message).toBe(
        `Topic \`${topic}\`, partition 0: the batch of offsets 1 to 1 has more than 1000000 bytes when it is decompressed. It is passed over, and stays in the topic: to read it, raise \`maxDecompressedBytes\` and seek the group to 1.`,
      );
      for (const one of [writer, driver]) await one.close(deadlineIn(systemClock, 5_000));
    },
  );
});
