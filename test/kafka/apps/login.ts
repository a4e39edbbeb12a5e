import 'reflect-metadata';
import { inspect } from 'node:util';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Consumer, MessagingModule, messagingMicroservice, type KafkaOptions } from 'nestjs-messaging';

const { TOPIC = '', OPTIONS = '{}' } = process.env;

@Injectable()
class Reader {
  @Consumer({ topic: TOPIC, groupId: TOPIC })
  async onMessage() {}
}

@Module({
  imports: [MessagingModule.forRoot({ broker: 'kafka', kafka: JSON.parse(OPTIONS) as KafkaOptions })],
  providers: [Reader],
})
class LoginModule {}

// Says all there is to say: every level of the log, and all that hangs on an error.
try {
  const app = await NestFactory.createMicroservice(LoginModule, {
    ...messagingMicroservice(),
    logger: ['verbose', 'debug', 'log', 'warn', 'error', 'fatal'],
    abortOnError: false,
  });
  await app.listen();
  console.log('listening');
  await app.close();
} catch (error) {
  console.error(inspect(error, { depth: Infinity, showHidden: true }));
  process.exitCode = 1;
}
