import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Transport, type MicroserviceOptions } from '@nestjs/microservices';
import { done, round, started } from './started.js';

done('imports');

@Controller()
class BenchController {
  @(EventPattern(round.topic) as MethodDecorator)
  onMessage(): void {
    started();
  }
}

@Module({ controllers: [BenchController] })
class BenchModule {}

const app = await NestFactory.createMicroservice<MicroserviceOptions>(BenchModule, {
  logger: false,
  transport: Transport.KAFKA,
  options: {
    client: { brokers: [round.broker] },
    consumer: { groupId: round.groupId },
    subscribe: { fromBeginning: true },
  },
});
done('modules');
await app.listen();
