import 'reflect-metadata';
import { Module, UseGuards, UsePipes, type INestMicroservice, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  MessagingModule,
  messagingMicroservice,
  ProducerService,
  Worker,
  WorkerHost,
  type MessageContext,
  type MessagingOptions,
  type SentRecord,
  type WorkerOptions,
} from 'nestjs-messaging';
import { atRandom, evenly, inWaves, LatencyProbe, oneByOne, OrderedWork, singly, Tally } from '../measures.js';
import { keyOf, payload, throwsOnce, type Payload } from '../payload.js';
import { serve, type Round, type Sample } from '../protocol.js';

type Handle = (message: Payload, context: MessageContext) => unknown;
type AsyncHandle = (...args: Parameters<Handle>) => Promise<unknown>;

/** What librdkafka has where nobody sets it; kafkajs needs it with `lingerMs` only, which is 0 here. */
const BATCH_SIZE = 1_000_000;

function connectionOf({ driver, broker }: Round): MessagingOptions {
  if (driver === 'redis') return { broker: 'redis', redis: { url: broker } };
  return { broker: 'kafka', kafka: { bootstrapServers: broker, backend: driver, maxBatchSize: BATCH_SIZE } };
}

async function start(round: Round, providers: readonly Type[]): Promise<INestMicroservice> {
  @Module({
    imports: [MessagingModule.forRoot({ ...connectionOf(round), groupId: round.groupId })],
    providers: [...providers],
  })
  class BenchModule {}
  const app = await NestFactory.createMicroservice(BenchModule, { ...messagingMicroservice(), logger: false });
  await app.listen();
  return app;
}

let sending: Promise<INestMicroservice> | undefined;

async function sender(round: Round): Promise<(n: number) => Promise<SentRecord>> {
  sending ??= start(round, []);
  const producer = (await sending).get(ProducerService);
  return (n) => producer.send({ topic: round.topic, message: payload(n, round), key: keyOf(n, round) });
}

function workerClass(round: Round, options: Partial<WorkerOptions>, handle: AsyncHandle): Type {
  @Worker({ topic: round.topic, ...options, ...round.worker })
  class BenchWorker extends WorkerHost<Payload, unknown> {
    override process(message: Payload, context: MessageContext): Promise<unknown> {
      return handle(message, context);
    }
  }
  return BenchWorker;
}

/** Runs a worker over all that is there. */
async function work(
  round: Round,
  options: Partial<WorkerOptions> = {},
  handle: Handle = () => undefined,
  decorate: (worker: Type) => Type = (worker) => worker,
): Promise<Sample> {
  const tally = new Tally(round.messages);
  // one async function, as a user's handler is: an `await` of what is no promise would count as ours
  const counted: AsyncHandle = async (message, context) => {
    const asked = handle(message, context);
    const result = asked instanceof Promise ? await asked : asked;
    tally.end();
    return result;
  };
  const app = await start(round, [decorate(workerClass(round, options, counted))]);
  const sample = await tally.finished;
  await app.close();
  return sample;
}

/** With a guard and a pipe, as an application has them. */
function enhanced(worker: Type): Type {
  UseGuards({ canActivate: () => true })(worker);
  UsePipes({ transform: (value: unknown) => value })(worker);
  return worker;
}

async function latency(round: Round, gaps: () => number): Promise<Sample> {
  const send = await sender(round);
  const probe = new LatencyProbe();
  const app = await start(round, [workerClass(round, {}, async ({ n }) => probe.received(n))]);
  const sample = await probe.run(round, send, gaps);
  await app.close();
  return sample;
}

serve({
  singles: async (round) => singly(round, await sender(round)),

  awaited: async (round) => oneByOne(round, await sender(round)),

  async arrays(round) {
    sending ??= start(round, []);
    const producer = (await sending).get(ProducerService);
    return inWaves(round, (from, length) => {
      const messages = Array.from({ length }, (_, at) => payload(from + at, round));
      return producer.sendBatch({ topic: round.topic, messages, key: ({ n }) => keyOf(n, round) });
    });
  },

  consume: (round) => work(round, { concurrency: round.atOnce }),

  consumeGuarded: (round) => work(round, {}, undefined, enhanced),

  buffers: (round) => work(round, { raw: true }),

  buffersGuarded: (round) => work(round, { raw: true }, undefined, enhanced),

  pipe: (round) => work(round, { outputTopic: round.outputTopic, concurrency: 256 }, (message) => message),

  async ordered(round) {
    const ordered = new OrderedWork();
    const handle: Handle = ({ n }, { key }) => ordered.handle(key ?? '', n);
    return ordered.verified(await work(round, { concurrency: round.atOnce }, handle));
  },

  latency: (round) => latency(round, evenly(round)),

  latencyAtRandom: (round) => latency(round, atRandom()),

  failing: (round) =>
    work(round, { concurrency: round.atOnce, retryBackoff: 'fixed', initialDelayMs: 10 }, ({ n }, { attempt }) => {
      if (throwsOnce(n) && attempt === 1) throw new Error('once');
    }),
});
