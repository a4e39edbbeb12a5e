import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type MessageContext, messagingMicroservice, MessagingModule, Worker } from 'nestjs-messaging';

const { TOPIC = '', OUTPUT = '', GROUP = '' } = process.env;

/** Passes on what it gets; a message `{ fail: n }` fails n times, and its second attempt waits in Redis. */
@Injectable()
class Echo {
  @Worker({
    topic: TOPIC,
    outputTopic: OUTPUT,
    groupId: GROUP,
    initialDelayMs: 100,
    retryTopics: [1_000],
    inPlaceRetryMaxMs: 50,
    allowReorder: true,
  })
  async echo(message: { fail?: number }, { attempt, deliveries }: MessageContext) {
    console.log(`handling ${JSON.stringify({ message, attempt, deliveries })}`);
    if (attempt <= (message.fail ?? 0)) throw new Error('not yet');
    return { echoed: message };
  }
}

@Module({ imports: [MessagingModule.forRoot({ redis: { claimIdleMs: 1_500 } })], providers: [Echo] })
class EchoModule {}

const app = await NestFactory.createMicroservice(EchoModule, messagingMicroservice());
app.enableShutdownHooks();
await app.listen();
console.log('listening');
