import type { ResolvedKafkaOptions } from './kafka.options.js';
import { didYouMean } from './suggest.js';

/** What a key is in our hands: an option's name, or the library's own business. */
type Owner = string | null;

const OURS = null;

/** librdkafka's names (its CONFIGURATION.md), aliases included. */
const librdkafka: Readonly<Record<string, Owner>> = {
  'bootstrap.servers': 'bootstrapServers',
  'metadata.broker.list': 'bootstrapServers',
  'client.id': 'clientId',
  'security.protocol': 'securityProtocol',
  'sasl.mechanism': 'saslMechanism',
  'sasl.mechanisms': 'saslMechanism',
  'sasl.username': 'saslUsername',
  'sasl.password': 'saslPassword',
  'ssl.ca.location': 'sslCafile',
  'ssl.certificate.location': 'sslCertfile',
  'ssl.key.location': 'sslKeyfile',
  'compression.type': 'compressionType',
  'compression.codec': 'compressionType',
  'socket.timeout.ms': 'requestTimeoutMs',
  'request.timeout.ms': 'requestTimeoutMs',
  'retry.backoff.ms': 'retryBackoffMs',
  'retry.backoff.max.ms': 'retryBackoffMs',
  'reconnect.backoff.ms': 'retryBackoffMs',
  'reconnect.backoff.max.ms': 'retryBackoffMs',
  'message.timeout.ms': 'deliveryTimeoutMs',
  'delivery.timeout.ms': 'deliveryTimeoutMs',
  'linger.ms': 'lingerMs',
  'queue.buffering.max.ms': 'lingerMs',
  'batch.size': 'maxBatchSize',
  'message.max.bytes': 'maxMessageBytes',
  acks: 'acks',
  'request.required.acks': 'acks',
  'enable.idempotence': 'enableIdempotence',
  partitioner: 'partitioner',
  'auto.offset.reset': 'autoOffsetReset',
  'isolation.level': 'isolationLevel',
  'partition.assignment.strategy': 'assignor',
  'auto.commit.interval.ms': 'autoCommitIntervalMs',
  'session.timeout.ms': 'sessionTimeoutMs',
  'heartbeat.interval.ms': 'heartbeatIntervalMs',
  'max.poll.interval.ms': 'maxPollIntervalMs',
  'group.instance.id': 'groupInstanceId',
  'group.id': 'groupId',
  'enable.auto.commit': OURS,
  'enable.auto.offset.store': OURS,
  'auto.commit.enable': OURS,
  'enable.partition.eof': OURS,
  'allow.auto.create.topics': OURS,
  'group.protocol': OURS,
  'transactional.id': OURS,
  'transaction.timeout.ms': OURS,
  'max.in.flight': OURS,
  'max.in.flight.requests.per.connection': OURS,
  retries: OURS,
  'message.send.max.retries': OURS,
  rebalance_cb: OURS,
  offset_commit_cb: OURS,
  queue_non_empty_cb: OURS,
  dr_cb: OURS,
  dr_msg_cb: OURS,
};

/** kafkajs' names, of the objects that `new Kafka`, `consumer` and `producer` take. */
const kafkajs: Readonly<Record<string, Owner>> = {
  brokers: 'bootstrapServers',
  clientId: 'clientId',
  ssl: 'securityProtocol',
  sasl: 'saslMechanism',
  requestTimeout: 'requestTimeoutMs',
  retry: 'retryBackoffMs',
  idempotent: 'enableIdempotence',
  acks: 'acks',
  compression: 'compressionType',
  createPartitioner: 'partitioner',
  fromBeginning: 'autoOffsetReset',
  readUncommitted: 'isolationLevel',
  partitionAssigners: 'assignor',
  autoCommit: 'enableAutoCommit',
  autoCommitInterval: 'autoCommitIntervalMs',
  sessionTimeout: 'sessionTimeoutMs',
  heartbeatInterval: 'heartbeatIntervalMs',
  rebalanceTimeout: 'maxPollIntervalMs',
  groupId: 'groupId',
  maxWaitTimeInMs: OURS,
  allowAutoTopicCreation: OURS,
  maxInFlightRequests: OURS,
  transactionalId: OURS,
  transactionTimeout: OURS,
  logLevel: OURS,
  logCreator: OURS,
  eachBatch: OURS,
  eachMessage: OURS,
};

/** kafkajs takes any name in silence, so these are all that it heeds. */
const KAFKAJS_FREE = [
  'connectionTimeout',
  'authenticationTimeout',
  'reauthenticationThreshold',
  'enforceRequestTimeout',
  'socketFactory',
  'metadataMaxAge',
  'maxBytesPerPartition',
  'minBytes',
  'maxBytes',
  'rackId',
];

/** The names that `native` may not set, and why, for each backend. */
export const ownedNatives: Readonly<Record<ResolvedKafkaOptions['backend'], Readonly<Record<string, Owner>>>> = {
  confluent: librdkafka,
  kafkajs,
};

export function checkNative({ native = {}, backend }: ResolvedKafkaOptions, path: string): string[] {
  return Object.keys(native).flatMap((key) => faultOf(key, backend, path) ?? []);
}

function faultOf(key: string, backend: ResolvedKafkaOptions['backend'], path: string): string | undefined {
  const owned = ownedNatives[backend];
  const sets = `\`${path}native\` sets \`${key}\``;
  const owner = Object.hasOwn(owned, key) ? owned[key] : undefined;
  if (owner === OURS) return `${sets}, which the library needs as it is. Remove it.`;
  if (owner !== undefined) return `${sets}, which the option \`${owner}\` decides. Set that instead.`;
  if (backend !== 'kafkajs' || KAFKAJS_FREE.includes(key)) return undefined;
  return `${sets}, which kafkajs does not know${didYouMean(key, KAFKAJS_FREE) || `; free are ${KAFKAJS_FREE.join(', ')}.`}`;
}
