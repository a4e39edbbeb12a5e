import { writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Module } from '@nestjs/common';
import { Consumer, type MessageContext, MessagingModule, Worker, WorkerHost } from 'nestjs-messaging';

const { TOPIC = 'in', OUTPUT = 'out', GROUP = 'group', HOLD_MS = '0', SHUTDOWN_MS = '20000', DLQ } = process.env;
const say = (line: string) => writeSync(1, `${line}\n`);

@Worker({ topic: TOPIC, outputTopic: OUTPUT, groupId: GROUP, concurrency: 2, maxRetries: 0, dlqTopic: DLQ })
class TaskWorker extends WorkerHost<{ readonly id: number; readonly bad?: boolean }, { readonly done: number }> {
  override async process(task: { readonly id: number; readonly bad?: boolean }, context: MessageContext) {
    say(`begin ${task.id} ${context.headers.get('x-redrive-count') ?? '-'}`);
    await delay(Number(HOLD_MS));
    if (task.bad && process.env['MENDED'] === undefined) throw new RangeError(`task ${task.id} is bad`);
    say(`end ${task.id}`);
    return { done: task.id };
  }
}

@Injectable()
class Audit {
  @Consumer({ topic: TOPIC, groupId: `${GROUP}-audit` })
  async onTask(task: { readonly id: number }) {
    say(`audit ${task.id}`);
  }
}

@Module({
  imports: [MessagingModule.forRoot({ shutdownTimeoutMs: Number(SHUTDOWN_MS), kafka: { autoCommitIntervalMs: 100 } })],
  providers: [TaskWorker, Audit],
})
export class AppModule {}
