import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { messagingMicroservice, MessagingModule, Worker } from 'nestjs-messaging';

const { TOPIC = '', GROUP = '', BOOTSTRAP = '', BACKEND } = process.env;

/** One message ends the process: no catch, no exit handler, as a fault in native code does. */
@Injectable()
class Orders {
  @Worker({ topic: TOPIC, groupId: GROUP, concurrency: 8, dlqTopic: `${TOPIC}-dlq` })
  async handle(message: number | 'kill') {
    if (message === 'kill') process.abort();
    await new Promise((resolve) => setTimeout(resolve, 2));
    console.log(`handled ${message}`);
  }
}

@Module({
  imports: [
    MessagingModule.forRoot({
      kafka: {
        bootstrapServers: BOOTSTRAP,
        backend: BACKEND === 'confluent' ? 'confluent' : 'kafkajs',
        autoCommitIntervalMs: 200,
        sessionTimeoutMs: 1_500,
        heartbeatIntervalMs: 500,
      },
    }),
  ],
  providers: [Orders],
})
class OrdersModule {}

const app = await NestFactory.createMicroservice(OrdersModule, messagingMicroservice());
app.enableShutdownHooks();
await app.listen();
console.log('listening');
