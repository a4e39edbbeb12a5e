import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { consumerConfig } from '../../lib/driver/confluent/consumer-config.js';
import { producerConfig, transactionConfig } from '../../lib/driver/confluent/producer-config.js';
import { kafkaOptions } from '../../lib/options/kafka.options.js';
import { ownedNatives } from '../../lib/options/kafka-native.js';
import { resolveOptions } from '../../lib/options/resolve-options.js';
import { kafkaSettings } from './kafka-settings.js';

const table = readFileSync('docs/options.md', 'utf8');
/** What the library sets for speed or calm, and a user may set otherwise. */
const TUNED = new Set([
  'socket.keepalive.enable',
  'log.connection.close',
  'fetch.wait.max.ms',
  'fetch.queue.backoff.ms',
  'queued.max.messages.kbytes',
  'topic.metadata.propagation.max.ms',
]);

describe.each(Object.keys(kafkaOptions) as (keyof typeof kafkaOptions)[])('the setting kafka.%s', (name) => {
  const { file, title } = kafkaSettings[name];

  it('has a test that sees it take effect', () => {
    const source = readFileSync(file, 'utf8');
    const hasTitle = source.includes(`'${title}`);
    expect({ file, title, hasTitle, mentionsIt: new RegExp(`\\b${name}\\b`).test(source) }).toMatchObject({
      hasTitle: true,
      mentionsIt: true,
    });
  });

  it('is named with that test in the table', () => {
    const row = table.split('\n').find((line) => line.startsWith(`| \`${name}\` |`) && line.includes('`KAFKA_'));
    expect(row).toContain(`${title.trim()} (\`${file}\`)`);
  });
});

describe('native', () => {
  it('refuses all that the library itself says to librdkafka', () => {
    const input = { groupInstanceId: 'one', saslMechanism: 'PLAIN', saslUsername: 'u', saslPassword: 'p' } as const;
    const files = { sslCafile: 'a', sslCertfile: 'b', sslKeyfile: 'c', enableIdempotence: false } as const;
    const options = resolveOptions(kafkaOptions, { path: '', input: { ...input, ...files }, faults: [] });
    const request = { groupId: 'g', topics: [], maxPollRecords: 1, drainTimeoutMs: 1 };
    const { client, topic } = consumerConfig(options, request, {});
    const producers = [producerConfig(options), transactionConfig(options, 't')];
    const said = [client, topic, ...producers].flatMap((config) => Object.keys(config));
    expect(said.filter((key) => !(key in ownedNatives.confluent) && !TUNED.has(key))).toEqual([]);
    expect(Object.keys(ownedNatives.confluent).filter((key) => TUNED.has(key))).toEqual([]);
  });
});

/** All that is declared: a new file of options is looked at too. */
const sets = await Promise.all(
  readdirSync('lib/options')
    .filter((file) => file.endsWith('.options.ts'))
    .map(
      (file) =>
        import(/* @vite-ignore */ `../../lib/options/${file.replace(/ts$/, 'js')}`) as Promise<Record<string, unknown>>,
    ),
);
const declared = sets.flatMap((exported) => Object.entries(exported).filter(([name]) => name.endsWith('Options')));
const names = declared.flatMap(([, set]) => (typeof set === 'object' && set !== null ? Object.keys(set) : []));
const files = readdirSync('test', { recursive: true, encoding: 'utf8' });
const tests = files
  .filter((file) => file.endsWith('.ts') && !file.startsWith('guards'))
  .map((file) => readFileSync(`test/${file}`, 'utf8'));

it('all sets of options are looked at', () => {
  expect(declared.map(([name]) => name)).toEqual(
    expect.arrayContaining(['messagingOptions', 'kafkaOptions', 'redisOptions', 'memoryOptions', 'workerOptions']),
  );
});

describe.each([...new Set(names)])('the option %s', (name) => {
  it('has a row that says what it means', () => {
    expect(table).toMatch(new RegExp(`^\\| \`${name}\` \\| [^|]{20,}`, 'm'));
  });

  it('is set by a test', () => {
    const isSet = new RegExp(`\\b${name}(: |,? [}\\]]|, )`);
    expect(tests.some((text) => isSet.test(text))).toBe(true);
  });
});
