import 'reflect-metadata';
import { Module, type INestMicroservice, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  MessagingModule,
  messagingMicroservice,
  ProducerService,
  Worker,
  WorkerHost,
  type WorkerOptions,
} from 'nestjs-messaging';
import { keyOf, payload } from '../payload.js';
import { serve, Stopwatch, type Round, type Sample } from '../protocol.js';

async function start(round: Round, providers: readonly Type[]): Promise<INestMicroservice> {
  @Module({
    imports: [
      MessagingModule.forRoot({ broker: 'kafka', groupId: round.groupId, kafka: { bootstrapServers: round.broker } }),
    ],
    providers: [...providers],
  })
  class BenchModule {}
  const app = await NestFactory.createMicroservice(BenchModule, { ...messagingMicroservice(), logger: false });
  await app.listen();
  return app;
}

let sending: Promise<INestMicroservice> | undefined;

async function producer(round: Round): Promise<ProducerService> {
  sending ??= start(round, []);
  return (await sending).get(ProducerService);
}

/** Runs a worker over all that is there; `handle` is its handler. */
async function work(
  round: Round,
  options: Partial<WorkerOptions>,
  handle: (message: { readonly n: number }, key: string) => unknown,
): Promise<Sample> {
  const watch = new Stopwatch();
  let [begun, done] = [0, 0];
  let finished: () => void = () => {};
  const all = new Promise<void>((resolve) => (finished = resolve));
  @Worker({ topic: round.topic, ...options })
  class BenchWorker extends WorkerHost<{ readonly n: number }, unknown> {
    override async process(
      message: { readonly n: number },
      context: { readonly key: string | undefined },
    ): Promise<unknown> {
      if (begun++ === 0) watch.start();
      const result = await handle(message, context.key ?? '');
      if (++done >= round.messages) finished();
      return result;
    }
  }
  const app = await start(round, [BenchWorker]);
  await all;
  const sample = watch.stop(round.messages);
  await app.close();
  return sample;
}

serve({
  async singles(round) {
    const own = await producer(round);
    const watch = new Stopwatch();
    watch.start();
    for (let from = 0; from < round.messages; from += 1_000) {
      const sends = Array.from({ length: 1_000 }, (_, at) =>
        own.send({ topic: round.topic, message: payload(from + at, round.size), key: keyOf(from + at, round.keys) }),
      );
      await Promise.all(sends);
    }
    return watch.stop(round.messages);
  },

  async arrays(round) {
    const own = await producer(round);
    const watch = new Stopwatch();
    watch.start();
    for (let from = 0; from < round.messages; from += 1_000) {
      const messages = Array.from({ length: 1_000 }, (_, at) => payload(from + at, round.size));
      await own.sendBatch({ topic: round.topic, messages, key: ({ n }) => keyOf(n, round.keys) });
    }
    return watch.stop(round.messages);
  },

  consume: (round) => work(round, {}, () => undefined),

  pipe: (round) => work(round, { outputTopic: round.outputTopic, concurrency: 256 }, (message) => message),
});
