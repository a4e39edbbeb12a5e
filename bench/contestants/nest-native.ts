import 'reflect-metadata';
import { Module, type INestApplicationContext, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { singly, Tally } from '../measures.js';
import { nestNative } from '../nest-native.js';
import { record } from '../payload.js';
import { serve, type Round } from '../protocol.js';

const { KafkaModule, KafkaConsumer, KafkaHandler, KafkaMessage, KafkaProducerService } = nestNative();
const LOG_NOTHING = 0;

function start(round: Round, providers: readonly Type[]): Promise<INestApplicationContext> {
  @Module({
    imports: [
      KafkaModule.forRoot({
        client: { brokers: [round.broker], logLevel: LOG_NOTHING, 'auto.offset.reset': 'earliest' },
        producer: { 'linger.ms': 0 },
      }),
    ],
    providers: [...providers],
  })
  class BenchModule {}
  return NestFactory.createApplicationContext(BenchModule, { logger: false });
}

let sending: Promise<INestApplicationContext> | undefined;

serve({
  async singles(round) {
    sending ??= start(round, []);
    const producer = (await sending).get(KafkaProducerService);
    return singly(round, (n) => producer.send({ topic: round.topic, messages: [record(n, round)] }));
  },

  async consume(round) {
    const tally = new Tally(round.messages);
    @KafkaConsumer(round.topic, { groupId: round.groupId })
    class BenchConsumer {
      @KafkaHandler()
      onMessage(@KafkaMessage() _message: object): void {
        tally.end();
      }
    }
    const app = await start(round, [BenchConsumer]);
    const sample = await tally.finished;
    await app.close();
    return sample;
  },
});
