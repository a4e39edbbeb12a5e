import 'reflect-metadata';
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  type MessageContext,
  messagingMicroservice,
  MessagingModule,
  type MessagingOptions,
  Worker,
} from 'nestjs-messaging';

const { TOPIC = '', OUTPUT = '', GROUP = '', EXACTLY_ONCE = '', OPTIONS = '{}' } = process.env;

/** Passes on what it gets, now and then at the second attempt. */
@Injectable()
class Passer {
  @Worker({
    topic: TOPIC,
    outputTopic: OUTPUT,
    groupId: GROUP,
    concurrency: 16,
    initialDelayMs: 25,
    exactlyOnce: EXACTLY_ONCE !== '',
  })
  async pass(message: { readonly n: number }, { attempt }: MessageContext) {
    await delay(message.n % 4);
    if (attempt === 1 && message.n % 97 === 0) throw new Error('not at once');
    return message;
  }
}

@Module({ imports: [MessagingModule.forRoot(JSON.parse(OPTIONS) as MessagingOptions)], providers: [Passer] })
class MemberModule {}

const app = await NestFactory.createMicroservice(MemberModule, {
  ...messagingMicroservice(),
  logger: ['error', 'warn'],
});
app.enableShutdownHooks();
await app.listen();
console.log('listening');
