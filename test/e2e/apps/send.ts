import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagingModule, ProducerService } from 'nestjs-messaging';

const { TOPIC = '', BOOTSTRAP = '', COUNT = '1', FIRST = '0' } = process.env;

@Module({ imports: [MessagingModule.forRoot({ kafka: { bootstrapServers: BOOTSTRAP } })] })
class SendModule {}

/** Sends COUNT numbers and ends. */
const app = await NestFactory.createApplicationContext(SendModule, { logger: false });
const messages = Array.from({ length: Number(COUNT) }, (_, index) => Number(FIRST) + index);
await app.get(ProducerService).sendBatch({ topic: TOPIC, messages });
console.log(`sent ${COUNT}`);
await app.close();
