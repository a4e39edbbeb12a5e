import type { Kafka, Producer, ProducerConfig } from 'kafkajs';
import { registerCodecs, type Codecs } from '../codecs/register-codecs.js';
import type { KafkajsModule } from '../kafkajs.client.js';
import {
  showBrokers,
  showingClusters,
  withQuestions,
  type KafkajsBroker,
  type KafkajsQuestion,
} from '../kafkajs.internals.js';
import { encodeRequest, type ProduceRequest } from './encode-request.js';
import { pinned } from './to-messages.js';

/** Older ones have messages of the formats from before Kafka 0.11. */
const FIRST_VERSION = 3;

export type CreateProducer = (config: ProducerConfig) => Producer;

/** For producers of kafkajs that get their messages from `toMessages`, and whose requests are encoded here. */
export function producersOf(client: Kafka, kafkajs: KafkajsModule): CreateProducer {
  const codecs = registerCodecs(kafkajs);
  const hooked = showingClusters(client, (cluster) => showBrokers(cluster, (broker) => hookProduce(broker, codecs)));
  return (config) => hooked.producer({ allowAutoTopicCreation: false, createPartitioner: () => pinned, ...config });
}

/**
 * kafkajs encodes each record in a Buffer of half a KiB of its own, and copies it into each level of the request; and it loads the
 * files of the version anew for each one. Here a question without messages is kept: all others have its version and its reader of answers.
 */
function hookProduce(broker: KafkajsBroker, codecs: Codecs): void {
  const { produce } = broker;
  let empty: KafkajsQuestion | undefined;
  const asker = withQuestions(broker, (ask) => (params) => {
    empty ??= ask({ topicData: [] });
    return empty.request.apiVersion < FIRST_VERSION
      ? ask(params)
      : encodedHere(empty, params as ProduceRequest, codecs);
  });
  broker.produce = (request) => produce.call(asker, request);
}

function encodedHere(question: KafkajsQuestion, params: ProduceRequest, codecs: Codecs): KafkajsQuestion {
  const expectResponse = () => params.acks !== 0;
  const encode = async () => {
    const buffer = await encodeRequest(params, codecs);
    return { buf: buffer, buffer };
  };
  return { ...question, request: { ...question.request, expectResponse, encode } };
}
