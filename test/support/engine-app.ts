import { Worker, WorkerHost, type BatchContext, type MessageContext, type WorkerOptions } from '../../lib/index.js';
import { createTestMessaging, type TestMessaging } from '../../lib/testing/index.js';
import { LogRecorder, testModule, type AppSpec } from './test-app.js';

type Handle = (message: never, context: MessageContext) => unknown;
type HandleBatch = (messages: never[], context: BatchContext) => unknown;

export interface Handling {
  readonly options?: Partial<WorkerOptions>;
  readonly process?: Handle;
  readonly processBatch?: HandleBatch;
  readonly hooks?: Partial<Pick<WorkerHost, 'onSuccess' | 'onError' | 'onRetry'>>;
}

/** A worker class of topic `tasks`, made of functions. */
export function workerOf({ options, process, processBatch, hooks }: Handling): new () => WorkerHost {
  class Tasks extends WorkerHost {
    override async process(message: unknown, context: MessageContext): Promise<unknown> {
      return process?.(message as never, context);
    }
  }
  if (processBatch)
    Tasks.prototype.processBatch = async (messages, context) => processBatch(messages as never[], context) as undefined;
  Object.assign(Tasks.prototype, hooks);
  Worker({ topic: 'tasks', ...options })(Tasks);
  return Tasks;
}

export interface EngineApp {
  readonly messaging: TestMessaging;
  readonly log: LogRecorder;
}

/** An app with one worker of topic `tasks`, on a clock that stands. */
export async function startEngine(handling: Handling, spec: AppSpec = {}): Promise<EngineApp> {
  const log = new LogRecorder();
  const builder = testModule({ ...spec, providers: [workerOf(handling), ...(spec.providers ?? [])] }).setLogger(log);
  return { messaging: await createTestMessaging(builder), log };
}
