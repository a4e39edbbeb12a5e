import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagingModule, messagingMicroservice, Worker, WorkerHost } from 'nestjs-messaging';
import { done, round, started } from './started.js';

done('imports');

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
done('modules');
await app.listen();
done('listening');
