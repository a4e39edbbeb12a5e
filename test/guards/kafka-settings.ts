import type { kafkaOptions } from '../../lib/options/kafka.options.js';

/** A test, and where it is. */
interface Proof {
  readonly file: string;
  /** As it is written there, or the part of it before a placeholder. */
  readonly title: string;
}

const send = (title: string): Proof => ({ file: 'test/kafka/settings-send.spec.ts', title });
const consume = (title: string): Proof => ({ file: 'test/kafka/settings-consume.spec.ts', title });
const registry = (title: string): Proof => ({ file: 'test/contract/registry-requests.contract.ts', title });
const avro = (title: string): Proof => ({ file: 'test/unit/avro/app.spec.ts', title });
const security = (title: string): Proof => ({ file: 'test/kafka/security.spec.ts', title });
const codecs = (title: string): Proof => ({ file: 'test/kafka/codecs.spec.ts', title });
const inApp = (title: string): Proof => ({ file: 'test/kafka/settings-app.spec.ts', title });

const BOUNDS: Proof = { file: 'test/unit/avro/keys.spec.ts', title: 'what an Avro message may hold' };
const USER = registry('a user');
const TRUSTED = registry('a registry that is trusted, and wants to know who we are');
const LOGINS = security('sends and reads through every login that the broker takes');

/** The test that sees each setting of a Kafka connection take effect. */
export const kafkaSettings: Readonly<Record<keyof typeof kafkaOptions, Proof>> = {
  bootstrapServers: send('bootstrapServers: the next address is asked when the first does not answer'),
  clientId: send('clientId: every request carries it'),
  backend: send('backend: the client library is the one that was chosen'),
  enabled: {
    file: 'test/unit/producer/producer.spec.ts',
    title: 'rejects while its connection is disabled, and builds no client',
  },
  securityProtocol: LOGINS,
  saslMechanism: LOGINS,
  saslUsername: LOGINS,
  saslPassword: LOGINS,
  saslTokenProvider: security('gets a new one before the old one ends, and goes on sending'),
  sslCafile: LOGINS,
  sslCertfile: LOGINS,
  sslKeyfile: LOGINS,
  compressionType: codecs('%s: others and the other backend read what is written, and the reverse'),
  maxDecompressedBytes: codecs('a compressed batch that is too large, with kafkajs'),
  requestTimeoutMs: send('requestTimeoutMs: an answer that does not come by then makes the request go again'),
  retryBackoffMs: send('retryBackoffMs: a broker that is away is knocked at less often'),
  deliveryTimeoutMs: send('deliveryTimeoutMs: a send that is not acknowledged by then is given up'),
  lingerMs: send('lingerMs: '),
  maxBatchSize: send('maxBatchSize: so many bytes end the linger'),
  acks: send('acks: '),
  enableIdempotence: send('enableIdempotence: the broker knows its producer, or not: '),
  partitioner: send('partitioner: crc32 puts a key where kcat puts it'),
  maxMessageBytes: send('maxMessageBytes: a larger message is refused before it leaves'),
  autoOffsetReset: inApp('autoOffsetReset: with none a handler of a new group fails, and says where'),
  isolationLevel: {
    file: 'test/kafka/read-committed.spec.ts',
    title: 'are all seen with isolationLevel read_uncommitted',
  },
  assignor: consume('assignor: the member brings '),
  enableAutoCommit: inApp('enableAutoCommit: with false a handler acknowledges by itself'),
  autoCommitIntervalMs: consume('autoCommitIntervalMs: positions are committed so often while messages come'),
  maxPollRecords: inApp('maxPollRecords: no more is handed over at once'),
  sessionTimeoutMs: consume('sessionTimeoutMs, maxPollIntervalMs: the group is told them'),
  heartbeatIntervalMs: consume('heartbeatIntervalMs: a member tells that it lives so often'),
  maxPollIntervalMs: consume('sessionTimeoutMs, maxPollIntervalMs: the group is told them'),
  groupInstanceId: consume(
    'groupInstanceId: a process that comes back within its session keeps its partitions, and nobody else notices',
  ),
  native: consume('native: a setting of the client library reaches it'),
  schemaRegistryUrl: {
    file: 'test/e2e/kafka-avro.spec.ts',
    title: 'one service reads what another wrote with a newer schema, as its own class',
  },
  schemaRegistryUsername: USER,
  schemaRegistryPassword: USER,
  schemaRegistryToken: registry('a token of a function'),
  schemaRegistryCafile: TRUSTED,
  schemaRegistryCertfile: TRUSTED,
  schemaRegistryKeyfile: TRUSTED,
  schemaRegistryTimeoutMs: registry('a URL that never answers costs its timeout, once'),
  schemaRegistryAutoRegister: {
    file: 'test/contract/registry.contract.ts',
    title: 'finds what is registered without registering, where that is off',
  },
  schemaRegistrySubjects: avro('the '),
  schemaRegistryNormalize: avro('the registry is asked to normalize where that is wanted'),
  schemaRegistryVerifySubject: avro(
    'an id of another subject is given up where the subject is verified, and read elsewhere',
  ),
  maxAvroItems: BOUNDS,
  maxAvroDepth: BOUNDS,
  maxAvroBytes: BOUNDS,
};
