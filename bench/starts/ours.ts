import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagingModule, messagingMicroservice, Worker, WorkerHost } from 'nestjs-messaging';
import { round, started } from './started.js';

@Worker({ topic: round.topic })
class BenchWorker extends WorkerHost {
  override async process(): Promise<void> {
    started();
  }
}

@Module({
  imports: [MessagingModule.forRoot({ groupId: round.groupId, kafka: { bootstrapServers: round.broker } })],
  providers: [BenchWorker],
})
class BenchModule {}

const app = await NestFactory.createMicroservice(BenchModule, { ...messagingMicroservice(), logger: false });
await app.listen();
