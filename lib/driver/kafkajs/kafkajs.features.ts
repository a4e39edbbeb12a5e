import { kafkaFeatures, type KafkaFeatures } from '../kafka/kafka.features.js';

export const kafkajsFeatures: KafkaFeatures = {
  ...kafkaFeatures,
  assignors: ['roundrobin'],
  idempotentByDefault: false,
  heartbeatThread: false,
  nativeAddon: false,
};
