export type { BrokerOperation } from '../memory-broker/memory-broker.js';
export type { Duration } from './duration.js';
export { createTestMessaging, type DeliverOptions, type SentMessage, type TestMessaging } from './test-messaging.js';
