import { Kafka, logLevel, type ConsumerRunConfig, type EachBatchPayload, type Producer } from 'kafkajs';
import { atRandom, evenly, inWaves, LatencyProbe, oneByOne, singly, Tally } from '../measures.js';
import { record, throwsOnce, type Payload } from '../payload.js';
import { serve, type Round, type Sample } from '../protocol.js';

/** Most messages of a request: a whole fetch is more than a broker takes in one batch. */
const REQUEST = 1_000;

const kafka = ({ broker }: Round) => new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING });

let producer: Promise<Producer> | undefined;

function connected(round: Round): Promise<Producer> {
  producer ??= (async () => {
    const made = kafka(round).producer({ allowAutoTopicCreation: false });
    await made.connect();
    return made;
  })();
  return producer;
}

async function sender(round: Round): Promise<(n: number) => Promise<unknown>> {
  const own = await connected(round);
  return (n) => own.send({ topic: round.topic, messages: [record(n, round)] });
}

/** Runs a consumer until `sample` is there. */
async function consumer(round: Round, run: ConsumerRunConfig, sample: () => Promise<Sample>): Promise<Sample> {
  const own = kafka(round).consumer({ groupId: round.groupId, maxWaitTimeInMs: 100 });
  await own.connect();
  await own.subscribe({ topics: [round.topic], fromBeginning: true });
  await own.run(run);
  const result = await sample();
  await own.disconnect();
  return result;
}

/** Reads all that is there, with `handle` for each batch. */
function read(round: Round, handle: (batch: EachBatchPayload['batch']) => Promise<void> | void): Promise<Sample> {
  const tally = new Tally(round.messages);
  const eachBatch = async ({ batch }: EachBatchPayload) => {
    await handle(batch);
    tally.end(batch.messages.length);
  };
  return consumer(round, { eachBatch }, () => tally.finished);
}

async function latency(round: Round, gaps: () => number): Promise<Sample> {
  const send = await sender(round);
  const probe = new LatencyProbe();
  const eachMessage: ConsumerRunConfig['eachMessage'] = async ({ message }) =>
    probe.received((JSON.parse(String(message.value)) as Payload).n);
  return consumer(round, { eachMessage }, () => probe.run(round, send, gaps));
}

serve({
  singles: async (round) => singly(round, await sender(round)),

  awaited: async (round) => oneByOne(round, await sender(round)),

  async arrays(round) {
    const own = await connected(round);
    return inWaves(round, (from, length) =>
      own.send({ topic: round.topic, messages: Array.from({ length }, (_, at) => record(from + at, round)) }),
    );
  },

  consume: (round) =>
    read(round, ({ messages }) => {
      for (const { value } of messages) JSON.parse(String(value));
    }),

  buffers: (round) => read(round, () => {}),

  async pipe(round) {
    const own = await connected(round);
    return read(round, async (batch) => {
      const messages = batch.messages.map(({ key, value }) => ({
        key,
        value: JSON.stringify(JSON.parse(String(value))),
      }));
      for (let from = 0; from < messages.length; from += REQUEST)
        await own.send({ topic: round.outputTopic, messages: messages.slice(from, from + REQUEST) });
    });
  },

  async pipeEachMessage(round) {
    const own = await connected(round);
    const tally = new Tally(round.messages);
    const eachMessage: ConsumerRunConfig['eachMessage'] = async ({ message: { key, value } }) => {
      const result = JSON.stringify(JSON.parse(String(value)));
      await own.send({ topic: round.outputTopic, messages: [{ key, value: result }] });
      tally.end();
    };
    return consumer(round, { eachMessage }, () => tally.finished);
  },

  latency: (round) => latency(round, evenly(round)),

  latencyAtRandom: (round) => latency(round, atRandom()),

  /** kafkajs begins its batch again after a pause. */
  async failing(round) {
    const tally = new Tally(round.messages);
    const failed = new Set<string>();
    const eachMessage: ConsumerRunConfig['eachMessage'] = async ({ partition, message }) => {
      const id = `${partition}-${message.offset}`;
      if (throwsOnce((JSON.parse(String(message.value)) as Payload).n) && !failed.has(id)) {
        failed.add(id);
        throw new Error('once');
      }
      tally.end();
    };
    return consumer(round, { eachMessage }, () => tally.finished);
  },
});
