// The app of a user who has just installed the package; compiled and run in each of the folders beside it.
import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  Consumer,
  type MessageContext,
  messagingMicroservice,
  MessagingModule,
  ProducerService,
  Worker,
  WorkerHost,
} from 'nestjs-messaging';

interface Task {
  readonly id: number;
}

@Worker({ topic: 'pack-tasks', outputTopic: 'pack-results', concurrency: 4 })
class TaskWorker extends WorkerHost<Task, { done: number }> {
  override async process(task: Task, context: MessageContext) {
    return { done: task.id + context.attempt };
  }
}

@Injectable()
class Results {
  constructor(private readonly producer: ProducerService) {}

  @Consumer({ topic: 'pack-results', groupId: 'pack-readers' })
  async onResult(result: { done: number }, context: MessageContext) {
    console.log(`result ${result.done} of ${context.key}, ${this.producer.stats().sent} sent`);
  }
}

@Module({ imports: [MessagingModule.forRoot({ groupId: 'pack' })], providers: [TaskWorker, Results] })
class AppModule {}

async function main() {
  const app = await NestFactory.createMicroservice(AppModule, {
    ...messagingMicroservice(),
    logger: ['error', 'warn'],
  });
  process.once('SIGTERM', () => void app.close());
  await app.listen();
  await app.get(ProducerService).send({ topic: 'pack-tasks', message: { id: 41 }, key: 'k' });
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
