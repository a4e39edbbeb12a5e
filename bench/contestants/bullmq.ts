import { OrderedWork, singly, Tally } from '../measures.js';
import { payload, type Payload } from '../payload.js';
import { serve, type Round, type Sample } from '../protocol.js';
import { reference } from '../references.js';

interface BullJob {
  readonly data: Payload;
}

/** The part of BullMQ that is used here. */
interface BullModule {
  readonly Queue: new (
    name: string,
    options: object,
  ) => {
    add(name: string, data: Payload, options: object): Promise<unknown>;
    addBulk(
      jobs: readonly { readonly name: string; readonly data: Payload; readonly opts: object }[],
    ): Promise<unknown>;
    waitUntilReady(): Promise<unknown>;
    close(): Promise<void>;
  };
  readonly Worker: new (
    name: string,
    handle: (job: BullJob) => Promise<void>,
    options: object,
  ) => {
    run(): Promise<void>;
    waitUntilReady(): Promise<unknown>;
    close(): Promise<void>;
  };
}

const { Queue, Worker } = reference<BullModule>('bullmq');
const FILL = 1_000;
/** As for a stream that is trimmed: a job that is done is not kept. */
const OPTIONS = { removeOnComplete: true, removeOnFail: true };

function connection({ broker }: Round) {
  const { hostname: host, port } = new URL(broker);
  return { host, port: Number(port), maxRetriesPerRequest: null };
}

/** Fills a queue and works it off, with `handle` for each job. */
async function work(round: Round, handle: (message: Payload) => Promise<void> | void): Promise<Sample> {
  const tally = new Tally(round.messages);
  const queue = new Queue(round.groupId, { connection: connection(round) });
  for (let from = 0; from < round.messages; from += FILL) {
    const jobs = Array.from({ length: Math.min(FILL, round.messages - from) }, (_, at) => ({
      name: 'message',
      data: payload(from + at, round),
      opts: OPTIONS,
    }));
    await queue.addBulk(jobs);
  }
  const each = async ({ data }: BullJob) => {
    await handle(data);
    tally.end();
  };
  const worker = new Worker(round.groupId, each, {
    connection: connection(round),
    concurrency: round.atOnce,
    autorun: false,
  });
  await worker.waitUntilReady();
  void worker.run();
  const sample = await tally.finished;
  await worker.close();
  await queue.close();
  return sample;
}

let sending: InstanceType<BullModule['Queue']> | undefined;

serve({
  async singles(round) {
    sending ??= new Queue(round.topic, { connection: connection(round) });
    await sending.waitUntilReady();
    return singly(
      round,
      (n) => sending?.add('message', payload(n, round), OPTIONS) ?? Promise.reject(new Error('closed')),
    );
  },

  consume: (round) => work(round, () => {}),

  /** Without order: BullMQ has no keys. */
  async handlers(round) {
    const ordered = new OrderedWork();
    return work(round, ({ n }) => ordered.handle(String(n), n));
  },
});
