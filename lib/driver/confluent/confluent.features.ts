import { kafkaFeatures, type KafkaFeatures } from '../kafka/kafka.features.js';

export const confluentFeatures: KafkaFeatures = {
  ...kafkaFeatures,
  assignors: ['roundrobin', 'cooperative-sticky'],
  idempotentByDefault: true,
  heartbeatThread: true,
  nativeAddon: true,
};
