import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { nestNative } from '../nest-native.js';
import { done, round, started } from './started.js';

const { KafkaModule, KafkaConsumer, KafkaHandler } = nestNative();
done('imports');

@KafkaConsumer(round.topic, { groupId: round.groupId })
class BenchConsumer {
  @KafkaHandler()
  onMessage(): void {
    started();
  }
}

@Module({
  imports: [KafkaModule.forRoot({ client: { brokers: [round.broker], logLevel: 0, 'auto.offset.reset': 'earliest' } })],
  providers: [BenchConsumer],
})
class BenchModule {}

await NestFactory.createApplicationContext(BenchModule, { logger: false });
done('modules');
