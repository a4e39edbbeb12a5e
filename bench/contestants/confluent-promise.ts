import type { ConsumerRunConfig, EachBatchPayload, Producer, RecordMetadata } from 'kafkajs';
import { inWaves, singly, Tally } from '../measures.js';
import { record } from '../payload.js';
import { serve, type Round, type Sample } from '../protocol.js';
import { reference } from '../references.js';

/** The part of the promise API that is used here: it is modelled on kafkajs, but for where its options stand. */
interface PromiseModule {
  readonly KafkaJS: {
    readonly Kafka: new (config: object) => {
      producer(config: object): Producer;
      consumer(config: object): {
        connect(): Promise<void>;
        subscribe(options: { readonly topic: string }): Promise<void>;
        run(config: ConsumerRunConfig): Promise<void>;
        disconnect(): Promise<void>;
      };
    };
  };
}

const { KafkaJS } = reference<PromiseModule>('@confluentinc/kafka-javascript');
const LOG_NOTHING = 0;

const kafka = ({ broker }: Round) => new KafkaJS.Kafka({ kafkaJS: { brokers: [broker], logLevel: LOG_NOTHING } });

let producing: Promise<Producer> | undefined;

function producer(round: Round): Promise<Producer> {
  producing ??= (async () => {
    const made = kafka(round).producer({ 'linger.ms': 0 });
    await made.connect();
    return made;
  })();
  return producing;
}

async function read(
  round: Round,
  handle: (batch: EachBatchPayload['batch']) => Promise<RecordMetadata[] | void> | void,
): Promise<Sample> {
  const consumer = kafka(round).consumer({
    kafkaJS: { groupId: round.groupId, fromBeginning: true },
    'fetch.queue.backoff.ms': 50,
  });
  const tally = new Tally(round.messages);
  await consumer.connect();
  await consumer.subscribe({ topic: round.topic });
  await consumer.run({
    eachBatch: async ({ batch }) => {
      await handle(batch);
      tally.end(batch.messages.length);
    },
  });
  const sample = await tally.finished;
  await consumer.disconnect();
  return sample;
}

serve({
  async singles(round) {
    const own = await producer(round);
    return singly(round, (n) => own.send({ topic: round.topic, messages: [record(n, round)] }));
  },

  async arrays(round) {
    const own = await producer(round);
    return inWaves(round, (from, length) =>
      own.send({ topic: round.topic, messages: Array.from({ length }, (_, at) => record(from + at, round)) }),
    );
  },

  consume: (round) =>
    read(round, ({ messages }) => {
      for (const { value } of messages) JSON.parse(String(value));
    }),

  async pipe(round) {
    const own = await producer(round);
    return read(round, (batch) => {
      const messages = batch.messages.map(({ key, value }) => ({
        key,
        value: JSON.stringify(JSON.parse(String(value))),
      }));
      return own.send({ topic: round.outputTopic, messages });
    });
  },
});
