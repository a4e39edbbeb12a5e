import 'reflect-metadata';
import { Controller, Module, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  Ctx,
  EventPattern,
  KafkaContext,
  Payload as Body,
  Transport,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import { OrderedWork, Tally } from '../measures.js';
import type { Payload } from '../payload.js';
import { serve, type Round, type Sample } from '../protocol.js';

const PARTITIONS = 4;

function listen(round: Round, handle: (message: Payload, key: string) => unknown): Promise<INestMicroservice> {
  @Controller()
  class BenchController {
    @(EventPattern(round.topic) as MethodDecorator)
    async onMessage(@Body() message: Payload, @Ctx() context: KafkaContext): Promise<void> {
      await handle(message, String(context.getMessage().key));
    }
  }
  @Module({ controllers: [BenchController] })
  class BenchModule {}
  return NestFactory.createMicroservice<MicroserviceOptions>(BenchModule, {
    logger: false,
    transport: Transport.KAFKA,
    options: {
      client: { brokers: [round.broker] },
      consumer: { groupId: round.groupId, maxWaitTimeInMs: 100 },
      subscribe: { fromBeginning: true },
      run: { partitionsConsumedConcurrently: PARTITIONS },
    },
  });
}

async function work(round: Round, handle: (message: Payload, key: string) => unknown = () => {}): Promise<Sample> {
  const tally = new Tally(round.messages);
  const app = await listen(round, async (message, key) => {
    await handle(message, key);
    tally.end();
  });
  await app.listen();
  const sample = await tally.finished;
  await app.close();
  return sample;
}

serve({
  consume: (round) => work(round),

  async ordered(round) {
    const ordered = new OrderedWork();
    return ordered.verified(await work(round, ({ n }, key) => ordered.handle(key, n)));
  },
});
