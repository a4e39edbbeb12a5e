import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type MessageContext, messagingMicroservice, MessagingModule, Worker } from 'nestjs-messaging';

const { TOPIC = '', OUTPUT = '', GROUP = '', BOOTSTRAP = '', HOLD } = process.env;

/** Prints what it gets and passes it on; with HOLD it never ends. */
@Injectable()
class Echo {
  @Worker({ topic: TOPIC, outputTopic: OUTPUT, groupId: GROUP })
  async echo(message: unknown, context: MessageContext) {
    const { key, attempt } = context;
    console.log(`handling ${JSON.stringify({ message, key, attempt, source: context.headers.get('source') })}`);
    if (HOLD) await new Promise(() => {});
    return { echoed: message };
  }
}

@Module({
  imports: [
    MessagingModule.forRoot({
      kafka: {
        bootstrapServers: BOOTSTRAP,
        autoCommitIntervalMs: 200,
        sessionTimeoutMs: 3_000,
        heartbeatIntervalMs: 500,
      },
    }),
  ],
  providers: [Echo],
})
class EchoModule {}

const app = await NestFactory.createMicroservice(EchoModule, messagingMicroservice());
app.enableShutdownHooks();
await app.listen();
console.log('listening');
