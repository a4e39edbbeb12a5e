import { describe, expect, it } from 'vitest';
import { resolveMessagingOptions, type MessagingOptions } from '../../../lib/options/messaging.options.js';

const faultsOf = (input: object, env = {}) => resolveMessagingOptions(input as MessagingOptions, env).faults;

describe('options', () => {
  it('have defaults for everything', () => {
    const resolved = resolveMessagingOptions({}, {});
    expect(resolved.faults).toEqual([]);
    expect(resolved.broker).toBe('kafka');
    expect(resolved.connections.get('kafka')?.options).toMatchObject({
      bootstrapServers: ['localhost:9092'],
      clientId: 'nestjs-messaging',
      backend: 'kafkajs',
      enabled: true,
      sessionTimeoutMs: 10_000,
      deliveryTimeoutMs: 120_000,
    });
  });

  it('come from the code, else from the environment, else from the defaults', () => {
    const env = {
      KAFKA_SESSION_TIMEOUT_MS: '20000',
      KAFKA_LINGER_MS: '5',
      KAFKA_ENABLED: 'false',
      KAFKA_BOOTSTRAP_SERVERS: 'a:1, b:2,',
    };
    const { connections } = resolveMessagingOptions({ kafka: { lingerMs: 9 } }, env);
    expect(connections.get('kafka')?.options).toMatchObject({
      sessionTimeoutMs: 20_000,
      lingerMs: 9,
      enabled: false,
      bootstrapServers: ['a:1', 'b:2'],
    });
  });

  it('let an empty variable count as none', () => {
    expect(resolveMessagingOptions({}, { KAFKA_LINGER_MS: '', MESSAGING_BROKER: '' }).broker).toBe('kafka');
  });

  it('leave connections with names of their own out of the environment', () => {
    const { connections } = resolveMessagingOptions(
      { connections: { eu: { kind: 'kafka' } } },
      { KAFKA_LINGER_MS: '5' },
    );
    expect(connections.get('eu')?.options).toMatchObject({ lingerMs: 0 });
  });

  it('choose the default connection: named, from the environment, the only one configured, kafka', () => {
    const choose = (input: MessagingOptions, env = {}) => resolveMessagingOptions(input, env).broker;
    expect(choose({ broker: 'memory', kafka: {} }, { MESSAGING_BROKER: 'kafka' })).toBe('memory');
    expect(choose({ kafka: {} }, { MESSAGING_BROKER: 'memory' })).toBe('memory');
    expect(choose({ memory: {} })).toBe('memory');
    expect(choose({ connections: { eu: { kind: 'kafka' } } })).toBe('eu');
    expect(choose({ memory: {}, kafka: {} })).toBe('kafka');
    expect(choose({})).toBe('kafka');
  });

  it('take the group id from the environment', () => {
    expect(resolveMessagingOptions({}, { MESSAGING_GROUP_ID: 'billing' }).groupId).toBe('billing');
  });

  it.each<[string, object, Record<string, string>, string]>([
    [
      'a number of the wrong kind',
      { kafka: { lingerMs: '5' } },
      {},
      'Expected `kafka.lingerMs` to be an integer ≥ 0, got `5` (string).',
    ],
    [
      'a number out of range',
      { shutdownTimeoutMs: 0 },
      {},
      'Expected `shutdownTimeoutMs` to be an integer ≥ 1, got `0` (number).',
    ],
    [
      'a number that is none',
      { kafka: { lingerMs: NaN } },
      {},
      'Expected `kafka.lingerMs` to be an integer ≥ 0, got `NaN` (number).',
    ],
    [
      'a variable that is no number',
      {},
      { KAFKA_LINGER_MS: 'soon' },
      'Expected `KAFKA_LINGER_MS` to be an integer ≥ 0, got `soon` (string).',
    ],
    [
      'a variable that is no truth',
      {},
      { KAFKA_ENABLED: 'maybe' },
      'Expected `KAFKA_ENABLED` to be true or false, got `maybe` (string).',
    ],
    ['an empty text', { groupId: '' }, {}, 'Expected `groupId` to be a text that is not empty, got `` (string).'],
    ['null', { groupId: null }, {}, 'Expected `groupId` to be a text that is not empty, got `null` (null).'],
    [
      'a word that is not in the list',
      { kafka: { backend: 'java' } },
      {},
      'Expected `kafka.backend` to be one of `kafkajs`, `confluent`, got `java` (string).',
    ],
    [
      'servers without a port',
      { kafka: { bootstrapServers: 'localhost' } },
      {},
      'Expected `kafka.bootstrapServers` to be a comma list of `host:port`, got `localhost` (string).',
    ],
    ['acks of nobody', { kafka: { acks: 0 } }, {}, 'Expected `kafka.acks` to be one of `all`, `1`, got `0` (number).'],
    [
      'idempotence that the leader alone would keep',
      { kafka: { acks: 1, enableIdempotence: true } },
      {},
      "`kafka.enableIdempotence` needs `kafka.acks: 'all'`; it is 1. Change one of them.",
    ],
    [
      'a static member of kafkajs',
      { kafka: { groupInstanceId: 'one' } },
      {},
      "`kafka.groupInstanceId` needs `kafka.backend: 'confluent'`, since kafkajs has no static membership. Change the backend, or remove it.",
    ],
    [
      'a rebalance that ends before a session',
      { kafka: { maxPollIntervalMs: 5_000 } },
      {},
      'Expected `kafka.maxPollIntervalMs` (5000) to be at least `kafka.sessionTimeoutMs` (10000): a rebalance takes a session. Raise it or lower the session.',
    ],
    [
      'a native setting that is an option',
      { kafka: { backend: 'confluent', native: { 'queue.buffering.max.ms': 5 } } },
      {},
      '`kafka.native` sets `queue.buffering.max.ms`, which the option `lingerMs` decides. Set that instead.',
    ],
    [
      "a native setting that is the library's",
      { kafka: { backend: 'confluent', native: { 'enable.auto.commit': true } } },
      {},
      '`kafka.native` sets `enable.auto.commit`, which the library needs as it is. Remove it.',
    ],
    [
      'a bound of decompression that is set twice',
      {
        kafka: { backend: 'confluent', maxDecompressedBytes: 5e6, native: { 'receive.message.max.bytes': 2_000_000 } },
      },
      {},
      '`kafka.native` sets `receive.message.max.bytes`, which `kafka.maxDecompressedBytes` decides. Remove one of them.',
    ],
    [
      'a bound of decompression that librdkafka cannot have',
      { kafka: { backend: 'confluent', maxDecompressedBytes: 4_000_000 } },
      {},
      'Expected `kafka.maxDecompressedBytes` (4000000) to be at least 4194304 with `confluent`. Raise it.',
    ],
    [
      'a native setting of kafkajs that is an option, from a variable',
      {},
      { KAFKA_NATIVE: '{"sessionTimeout": 5}' },
      '`kafka.native` sets `sessionTimeout`, which the option `sessionTimeoutMs` decides. Set that instead.',
    ],
    [
      'a native setting that kafkajs does not know',
      { kafka: { native: { maxByte: 5 } } },
      {},
      '`kafka.native` sets `maxByte`, which kafkajs does not know, did you mean `maxBytes`?',
    ],
    [
      'native settings that are no JSON',
      {},
      { KAFKA_NATIVE: 'linger' },
      'Expected `KAFKA_NATIVE` to be an object of settings, got `linger` (string).',
    ],
    [
      'no server at all',
      { kafka: { bootstrapServers: ' , ' } },
      {},
      'Expected `kafka.bootstrapServers` to be a comma list of `host:port`, got ` , ` (string).',
    ],
    [
      'options that are no object',
      { kafka: 'localhost:9092' },
      {},
      'Expected `kafka` to be an object of options, got `localhost:9092` (string).',
    ],
    [
      'a broker that is none',
      { memory: { broker: {} } },
      {},
      'Expected `memory.broker` to be a MemoryBroker, got `{}` (object).',
    ],
    [
      'an unknown default connection',
      { broker: 'memroy' },
      {},
      'Expected `broker` to be the name of a connection (kafka, redis, memory), got `memroy` (string), did you mean `memory`?',
    ],
    [
      'an unknown kind',
      { connections: { eu: { kind: 'rabbit' } } },
      {},
      'Expected `connections.eu.kind` to be one of `kafka`, `redis`, `memory`, got `rabbit` (string).',
    ],
    [
      'the name of a standard connection',
      { connections: { kafka: { kind: 'kafka' } } },
      {},
      'Connection `connections.kafka` has the name of a standard connection. Configure it as `kafka: { … }`, or rename it.',
    ],
    ['a misspelt option', { groupID: 'x' }, {}, 'Unknown option `groupID`, did you mean `groupId`?'],
    [
      'a misspelt option of a connection',
      { kafka: { bootstrapServer: 'a:1' } },
      {},
      'Unknown option `kafka.bootstrapServer`, did you mean `bootstrapServers`?',
    ],
    [
      'heartbeats too far apart',
      { kafka: { heartbeatIntervalMs: 4000 } },
      {},
      'Expected `kafka.heartbeatIntervalMs` (4000) to be at most a third of `kafka.sessionTimeoutMs` (10000), so that two lost heartbeats do not end the membership. Lower it or raise the session.',
    ],
    [
      'a login without a mechanism',
      { kafka: { securityProtocol: 'SASL_SSL', saslUsername: 'a', saslPassword: 'b' } },
      {},
      '`kafka.securityProtocol` is SASL_SSL, which needs `kafka.saslMechanism`. Set it.',
    ],
    [
      'a login that is not used',
      { kafka: { saslUsername: 'a' } },
      {},
      '`kafka.saslUsername` has no effect while `kafka.securityProtocol` is PLAINTEXT. Set the protocol to SASL_SSL or SASL_PLAINTEXT, or remove it.',
    ],
    [
      'a certificate that is not used',
      { kafka: { sslCafile: 'ca.pem' } },
      {},
      '`kafka.sslCafile` has no effect while `kafka.securityProtocol` is PLAINTEXT. Set the protocol to SSL or SASL_SSL, or remove it.',
    ],
    [
      'a field for the value beside a format that has its own',
      { redis: { entryFormat: 'faststream-json', payloadField: 'body' } },
      {},
      "`redis.payloadField` has no effect with `redis.entryFormat: 'faststream-json'`, whose field is `__data__`. Remove one of them.",
    ],
    [
      'a certificate without its key',
      { kafka: { securityProtocol: 'SSL', sslCertfile: 'a.pem' } },
      {},
      '`kafka.sslCertfile` and `kafka.sslKeyfile` belong together. Set both, or neither.',
    ],
  ])('refuse %s', (_what, input, env, fault) => {
    expect(faultsOf(input, env)).toEqual([fault]);
  });

  it('tell all faults at once', () => {
    expect(
      faultsOf(
        { groupID: 'x', shutdownTimeoutMs: -1, kafka: { lingerMs: -1, backend: 'java' } },
        { KAFKA_ENABLED: '?' },
      ),
    ).toHaveLength(5);
  });

  it('list the known names when none is near', () => {
    expect(faultsOf({ memory: { zzzzzzzz: 1 } })[0]).toMatch(
      /^Unknown option `memory.zzzzzzzz`; known are broker, autoCreateTopics/,
    );
  });

  it('never show a secret', () => {
    const [fault] = faultsOf({ kafka: { saslPassword: 12345678 } });
    expect(fault).toBe('Expected `kafka.saslPassword` to be a text that is not empty, got `***` (number).');
  });
});
