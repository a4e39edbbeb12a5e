import type { Kafka, Producer, ProducerConfig } from 'kafkajs';
import { asking, showBrokers, showingClusters, type AskedOfBroker, type KafkajsBroker } from '../kafkajs.internals.js';
import type { Codecs } from '../codecs/register-codecs.js';
import { encodeRequest, type ProduceRequest } from './encode-request.js';
import { pinned } from './to-messages.js';

/** Older ones have messages of the formats from before Kafka 0.11. */
const FIRST_VERSION = 3;

export type CreateProducer = (config: ProducerConfig) => Producer;

/** For producers of kafkajs that get their messages from `toMessages`, and whose requests are encoded here. */
export function producersOf(client: Kafka, codecs: Codecs): CreateProducer {
  const hooked = showingClusters(client, (cluster) => showBrokers(cluster, (broker) => hookProduce(broker, codecs)));
  return (config) => hooked.producer({ allowAutoTopicCreation: false, createPartitioner: () => pinned, ...config });
}

/**
 * kafkajs encodes each record in a Buffer of half a KiB of its own, and copies it into each level of the request; and it looks for the files of a
 * version anew for each request. That of the first one stands for all of its broker.
 */
function hookProduce(broker: KafkajsBroker, codecs: Codecs): void {
  const { produce } = broker;
  let first: AskedOfBroker | undefined;
  const asker = asking(broker, (ask) => (params) => {
    first ??= ask(params);
    return first.request.apiVersion < FIRST_VERSION
      ? ask(params)
      : encodedHere(first, params as ProduceRequest, codecs);
  });
  broker.produce = (request) => produce.call(asker, request);
}

function encodedHere(question: AskedOfBroker, params: ProduceRequest, codecs: Codecs): AskedOfBroker {
  const expectResponse = () => params.acks !== 0;
  const encode = async () => {
    const buffer = await encodeRequest(params, codecs);
    return { buf: buffer, buffer };
  };
  return { ...question, request: { ...question.request, expectResponse, encode } };
}
