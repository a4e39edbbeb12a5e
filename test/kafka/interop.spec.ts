import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../lib/core/clock.js';
import type { Driver } from '../../lib/driver/driver.js';
import { TestMember } from '../contract/test-member.js';
import { brokerAddress, kafkaBackends } from '../support/brokers/with-broker.js';
import { eventually } from '../support/eventually.js';
import { unique } from '../support/unique.js';
import { openDriver } from './support.js';

const address = brokerAddress('kafka') ?? '';

interface Plain {
  readonly key: string | null;
  /** Null is a tombstone. */
  readonly value: string | null;
  readonly headers: readonly (readonly [string, string])[];
}

const RECORDS: readonly Plain[] = [
  { key: 'customer-7', value: '{"id":1,"name":"Zoë"}', headers: [['source', 'shop']] },
  { key: null, value: 'no key', headers: [] },
  {
    key: 'customer-7',
    value: 'two of a name',
    headers: [
      ['tag', 'a'],
      ['tag', 'b'],
    ],
  },
  { key: 'customer-8', value: null, headers: [['reason', 'gone']] },
];

/** A client that no one here wrote. */
interface Peer {
  read(topic: string): Plain[];
  write(topic: string, records: readonly Plain[]): void;
}

const run = (command: string, args: readonly string[], input = ''): string => {
  const { stdout, stderr, status } = spawnSync(command, args, { input, encoding: 'utf8', timeout: 30_000 });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
  return stdout;
};
const python = (mode: string, args: readonly string[], input?: string) =>
  run('/usr/bin/python3', ['test/support/kafka_peer.py', mode, address, ...args], input);
const lines = (text: string) => text.split('\n').filter((line) => line !== '');

const peers: Readonly<Record<string, Peer>> = {
  kcat: {
    read(topic) {
      const found = run('kcat', ['-b', address, '-C', '-t', topic, '-o', 'beginning', '-e', '-q', '-J']);
      return lines(found).map((line) => {
        const { key, payload, headers = [] } = JSON.parse(line) as KcatRecord;
        const pairs = headers.flatMap((name, at) => (at % 2 === 0 ? [[name, headers[at + 1] ?? ''] as const] : []));
        return { key, value: payload, headers: pairs };
      });
    },
    write(topic, records) {
      for (const { key, value, headers } of records) {
        const about = headers.flatMap(([name, text]) => ['-H', `${name}=${text}`]);
        const keyed = key === null ? [] : ['-K', '\t', '-Z']; // behind the tab nothing is a null
        const input = `${key === null ? '' : `${key}\t`}${value ?? ''}\n`;
        run('kcat', ['-b', address, '-P', '-t', topic, '-p', '0', ...keyed, ...about], input);
      }
    },
  },
  'python3-kafka': {
    read: (topic) => lines(python('read', [topic, String(RECORDS.length)])).map((line) => JSON.parse(line) as Plain),
    write: (topic, records) => void python('write', [topic], records.map((one) => JSON.stringify(one)).join('\n')),
  },
};

interface KcatRecord {
  readonly key: string | null;
  readonly payload: string | null;
  readonly headers?: readonly string[];
}

describe.each(kafkaBackends())('%s', (backend) => {
  const withTopic = async (work: (driver: Driver, topic: string) => Promise<void>) => {
    const driver = await openDriver(backend, address);
    const topic = unique('interop');
    await driver.admin.create([{ topic, partitions: 1 }]);
    await work(driver, topic);
    await driver.close(deadlineIn(systemClock, 5_000));
  };

  it.each(Object.entries(peers))('is read by %s: keys, values, headers and tombstones', async (_name, peer) => {
    await withTopic(async (driver, topic) => {
      const records = RECORDS.map(({ key, value, headers }) => ({
        topic,
        key: key === null ? null : Buffer.from(key),
        value: value === null ? null : Buffer.from(value),
        headers: headers.map(([name, text]) => [name, Buffer.from(text)] as const),
      }));
      await driver.send(records, Date.now() + 20_000);
      expect(peer.read(topic)).toEqual(RECORDS);
    });
  });

  it.each(Object.entries(peers))('reads what %s writes: keys, values, headers and tombstones', async (_name, peer) => {
    await withTopic(async (driver, topic) => {
      peer.write(topic, RECORDS);
      const member = TestMember.join(driver, { topics: [topic], groupId: unique('group') });
      await eventually(() => expect(member.seen).toHaveLength(RECORDS.length));
      const found = member.seen.map(({ key, value, headers }) => ({
        key: key === null ? null : String(key),
        value: value === null ? null : String(value),
        headers: headers.map(([name, data]) => [name, String(data)]),
      }));
      expect(found).toEqual(RECORDS);
    });
  });
});
