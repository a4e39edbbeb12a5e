import { Kafka, logLevel, type EachBatchPayload, type Producer } from 'kafkajs';
import { keyOf, payload } from '../payload.js';
import { serve, Stopwatch, type Round } from '../protocol.js';

let client: Kafka | undefined;
let producer: Promise<Producer> | undefined;

function kafka(broker: string): Kafka {
  client ??= new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING });
  return client;
}

function connected(broker: string): Promise<Producer> {
  producer ??= (async () => {
    const made = kafka(broker).producer({ allowAutoTopicCreation: false });
    await made.connect();
    return made;
  })();
  return producer;
}

const toMessage = (n: number, { size, keys }: Round) => ({
  key: keyOf(n, keys),
  value: JSON.stringify(payload(n, size)),
});

/** Reads all that is there, with `handle` for each batch. */
async function read(round: Round, handle: (batch: EachBatchPayload) => Promise<number>) {
  const consumer = kafka(round.broker).consumer({ groupId: round.groupId, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topics: [round.topic], fromBeginning: true });
  const watch = new Stopwatch();
  let seen = 0;
  let finished: () => void = () => {};
  const all = new Promise<void>((resolve) => (finished = resolve));
  await consumer.run({
    autoCommit: true,
    eachBatchAutoResolve: true,
    eachBatch: async (batch) => {
      if (seen === 0) watch.start();
      seen += await handle(batch);
      if (seen >= round.messages) finished();
    },
  });
  await all;
  const sample = watch.stop(seen);
  await consumer.disconnect();
  return sample;
}

serve({
  async singles(round) {
    const own = await connected(round.broker);
    const watch = new Stopwatch();
    watch.start();
    for (let from = 0; from < round.messages; from += 1_000) {
      const sends = Array.from({ length: 1_000 }, (_, at) =>
        own.send({ topic: round.topic, messages: [toMessage(from + at, round)] }),
      );
      await Promise.all(sends);
    }
    return watch.stop(round.messages);
  },

  async arrays(round) {
    const own = await connected(round.broker);
    const watch = new Stopwatch();
    watch.start();
    for (let from = 0; from < round.messages; from += 1_000) {
      const messages = Array.from({ length: 1_000 }, (_, at) => toMessage(from + at, round));
      await own.send({ topic: round.topic, messages });
    }
    return watch.stop(round.messages);
  },

  consume: (round) =>
    read(round, async ({ batch }) => {
      for (const { value } of batch.messages) JSON.parse(String(value));
      return batch.messages.length;
    }),

  async pipe(round) {
    const own = await connected(round.broker);
    return read(round, async ({ batch }) => {
      const messages = batch.messages.map(({ key, value }) => ({
        key,
        value: JSON.stringify(JSON.parse(String(value))),
      }));
      // a request for each thousand: a whole fetch is more than a broker takes in one batch
      for (let from = 0; from < messages.length; from += 1_000)
        await own.send({ topic: round.outputTopic, messages: messages.slice(from, from + 1_000) });
      return messages.length;
    });
  },
});
