/** The client underneath: a Kafka backend of ours, or Redis. */
export type Driver = 'kafkajs' | 'confluent' | 'redis';

/** What the messages of a round are like. */
export interface Load {
  readonly messages: number;
  /** Bytes of a payload. */
  readonly size: number;
  /** Keys that the messages have. */
  readonly keys: number;
  /** Sends in flight, or handlers at once. */
  readonly atOnce: number;
  /** Options of our worker beside those of the job. */
  readonly worker: Readonly<Record<string, unknown>>;
}

/** What a contestant is asked to do, in one round. */
export interface Round extends Load {
  readonly job: string;
  readonly driver: Driver;
  /** Host and port of the broker, or its URL. */
  readonly broker: string;
  readonly topic: string;
  readonly outputTopic: string;
  readonly groupId: string;
}

/** What a round took. */
export interface Sample {
  readonly messages: number;
  readonly ms: number;
  /** User and system time of the process, in µs. */
  readonly cpuMicros: number;
  /** Since the process began; 0 where it is not known. */
  readonly peakRssBytes: number;
  /** What the job measures beside, in ms: `p50`, `p99`, `start`. */
  readonly extra?: Readonly<Record<string, number>>;
}

export type Job = (round: Round) => Promise<Sample>;
export type Jobs = Readonly<Record<string, Job>>;

/** Serves jobs to the parent process, one after the other. */
export function serve(jobs: Jobs): void {
  process.on('message', (round: Round) => void answer(jobs, round));
  process.once('disconnect', () => process.exit());
  process.send?.({ ready: true });
}

async function answer(jobs: Jobs, round: Round): Promise<void> {
  try {
    const job = jobs[round.job];
    if (!job) throw new Error(`no job ${round.job}`);
    process.send?.({ sample: await job(round) });
  } catch (error) {
    process.send?.({ error: error instanceof Error ? error.stack : String(error) });
  }
}
