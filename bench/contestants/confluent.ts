import { randomUUID } from 'node:crypto';
import type {
  ConfluentModule,
  NativeConsumer,
  NativeMessage,
  NativeProducer,
} from '../../lib/driver/confluent/confluent.native.js';
import { atRandom, evenly, LatencyProbe, oneByOne, singly, Tally } from '../measures.js';
import { json, keyOf, type Payload } from '../payload.js';
import { serve, type Round, type Sample } from '../protocol.js';
import { reference } from '../references.js';

const { Producer, KafkaConsumer } = reference<ConfluentModule>('@confluentinc/kafka-javascript');
/** Most messages of one `consume`. */
const READ = 1_000;

/** What the declarations of our own use lack. */
interface Consumer extends NativeConsumer {
  setDefaultIsTimeoutOnlyForFirstMessage(on: boolean): void;
}

const client = ({ broker }: Round) => ({ 'bootstrap.servers': broker });
const connected = <Client extends NativeConsumer | NativeProducer>(made: Client): Promise<Client> =>
  new Promise((resolve, reject) =>
    made.connect({ allTopics: false, timeout: 5_000 }, (error) => (error ? reject(error) : resolve(made))),
  );

let producing: Promise<NativeProducer> | undefined;

function producer(round: Round): Promise<NativeProducer> {
  producing ??= (async () => {
    const made = new Producer({ ...client(round), dr_cb: true, 'linger.ms': 0, 'enable.idempotence': true });
    await connected(made);
    made.setPollInBackground(true);
    made.on('delivery-report', (error, { opaque }) => (opaque as (error: Error | null) => void)(error));
    return made;
  })();
  return producing;
}

async function sender(round: Round): Promise<(n: number) => Promise<void>> {
  const own = await producer(round);
  return (n) =>
    new Promise((resolve, reject) => {
      const done = (error: Error | null) => (error ? reject(error) : resolve());
      const [value, key] = [Buffer.from(json(n, round)), Buffer.from(keyOf(n, round))];
      own.produce(round.topic, null, value, key, undefined, done, undefined);
    });
}

/** Runs a loop of `consume(n)`, with `handle` for what each gives, until `sample` is there. */
async function read(
  round: Round,
  handle: (messages: readonly NativeMessage[]) => void,
  sample: () => Promise<Sample>,
): Promise<Sample> {
  const config = {
    ...client(round),
    'group.id': round.groupId,
    'client.id': randomUUID(),
    'fetch.queue.backoff.ms': 50,
  };
  const consumer = (await connected(new KafkaConsumer(config, { 'auto.offset.reset': 'earliest' }))) as Consumer;
  consumer.setDefaultConsumeTimeout(100);
  consumer.setDefaultIsTimeoutOnlyForFirstMessage(true);
  consumer.subscribe([round.topic]);
  let isRunning = true;
  const next = () =>
    consumer.consume(READ, (_error, messages = []) => {
      if (messages.length > 0) handle(messages);
      if (isRunning) next();
    });
  next();
  const result = await sample();
  isRunning = false;
  await new Promise<void>((resolve) => consumer.disconnect(resolve));
  return result;
}

function readAll(round: Round, handle: (message: NativeMessage) => void): Promise<Sample> {
  const tally = new Tally(round.messages);
  const each = (messages: readonly NativeMessage[]) => {
    for (const message of messages) handle(message);
    tally.end(messages.length);
  };
  return read(round, each, () => tally.finished);
}

async function latency(round: Round, gaps: () => number): Promise<Sample> {
  const send = await sender(round);
  const probe = new LatencyProbe();
  const each = (messages: readonly NativeMessage[]) => {
    for (const { value } of messages) probe.received((JSON.parse(String(value)) as Payload).n);
  };
  return read(round, each, () => probe.run(round, send, gaps));
}

serve({
  singles: async (round) => singly(round, await sender(round)),

  awaited: async (round) => oneByOne(round, await sender(round)),

  consume: (round) => readAll(round, ({ value }) => JSON.parse(String(value))),

  buffers: (round) => readAll(round, () => {}),

  latency: (round) => latency(round, evenly(round)),

  latencyAtRandom: (round) => latency(round, atRandom()),
});
