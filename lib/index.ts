export type { Clock } from './core/clock.js';
export { Consumer } from './consumer/consumer.decorator.js';
export {
  AuthenticationError,
  AuthorizationError,
  BrokerDisabledError,
  BrokerError,
  BrokerFullError,
  BrokerUnavailableError,
  BufferFullError,
  ClosedError,
  ConfigurationError,
  DeliveryTimeoutError,
  DeserializationError,
  type ErrorDetails,
  MessageTooLargeError,
  MessagingError,
  MissingPackageError,
  ReadOnlyReplicaError,
  SendBatchError,
  SerializationError,
  TokenProviderError,
  TopicTypeError,
  UnknownPartitionError,
  UnknownTopicError,
  UnsupportedByBrokerError,
  type WriteState,
} from './core/errors.js';
export { OffsetResetError, type OutOfLog } from './core/offset-reset.error.js';
export { OversizedBatchError } from './core/oversized-batch.error.js';
export { UnboundedTopicError, type UnboundedTopic } from './core/unbounded-topic.error.js';
export type {
  GaveUpEvent,
  LateEvent,
  HandlerEvent,
  HandlerStoppedEvent,
  MessageEvent,
  RetryEvent,
  AttemptEvent,
  ConnectionEvent,
  SentEvent,
  SettledEvent,
  SendFailedEvent,
} from './core/events.js';
export {
  type MessagingHealth,
  MessagingHealthIndicator,
  type MessagingHealthResult,
} from './health/messaging-health.indicator.js';
export { type HeaderInput, type HeadersInput, MessageHeaders } from './core/headers.js';
export type { SendResult, SentRecord } from './core/message.js';
export { type BrokerOperation, MemoryBroker, type MemoryBrokerOptions } from './memory-broker/memory-broker.js';
export { Headers, isMessagingContext, Key } from './nest/param-decorators.js';
export { MessagingModule } from './messaging.module.js';
export type { MessagingAsyncOptions } from './messaging-core.module.js';
export type { ConsumerOptions, HandlerOverrides, WorkerOptions } from './options/handler.options.js';
export type { KafkaOptions } from './options/kafka.options.js';
export type { SaslToken, SaslTokenProvider } from './options/sasl-token.js';
export type { MemoryOptions } from './options/memory.options.js';
export type { RedisOptions } from './options/redis.options.js';
export type { ConnectionOptions } from './options/connection.options.js';
export type { MessagingOptions } from './options/messaging.options.js';
export type { RetryPolicy } from './options/retry.options.js';
export { BatchContext } from './pipeline/batch-context.js';
export { AckModeError, BatchError, NonRetryableError, RetryAfterError, StaleDeliveryError } from './pipeline/errors.js';
export {
  deadLetter,
  type HandlerOutcome,
  type OutputMessage,
  outputs,
  retry,
  skip,
} from './pipeline/handler-outcome.js';
export { MessageContext } from './pipeline/message-context.js';
export { Producer, type ProducerOptions } from './producer/producer.decorator.js';
export { ProducerService, type ProducerStats } from './producer/producer.service.js';
export type { SendAvroRequest, SendBatchRequest, SendRequest } from './producer/send-request.js';
export {
  IncompatibleSchemaError,
  InvalidSchemaError,
  RegistryAuthError,
  RegistryTlsError,
  RegistryUnavailableError,
  SchemaNotFoundError,
  SchemaRegistryError,
  SubjectNotFoundError,
} from './registry/errors.js';
export {
  AvroDecodeError,
  AvroEncodeError,
  SchemaResolutionError,
  UnsupportedSchemaTypeError,
  WireFormatError,
} from './serialization/errors.js';
export { getProducerToken, InjectProducer } from './producer/producer.tokens.js';
export type { KeyInput } from './core/key.js';
export type { SendOptions } from './producer/to-record.js';
export {
  type AvroSchema,
  type CleanupPolicy,
  CommandTopic,
  EventTopic,
  type KeyOf,
  type MessageOf,
  type PayloadClass,
  StateTopic,
  Topic,
  type TopicClass,
  type TopicFormat,
  type TopicRef,
  type TopicValidation,
} from './topic/topic.js';
export { ValidationError, type ValidationIssue } from './validation/validation.error.js';
export { ConsumerService } from './stream/consumer.service.js';
export { MessageStream } from './stream/message-stream.js';
export { StreamMessage } from './stream/stream-message.js';
export type { StreamOptions } from './options/stream.options.js';
export { Worker } from './worker/worker.decorator.js';
export { WorkerHost } from './worker/worker.host.js';
export { MessagingServer, messagingMicroservice } from './worker/messaging.server.js';
export type { WorkerState } from './worker/handler.report.js';
export { UnknownWorkerError, type WorkerInfo, WorkerService, type WorkerStats } from './worker/worker.service.js';
