/** What a contestant is asked to do, in one round. */
export interface Round {
  readonly job: string;
  /** Host and port of the broker, or its URL. */
  readonly broker: string;
  readonly topic: string;
  readonly outputTopic: string;
  readonly groupId: string;
  readonly messages: number;
  /** Bytes of a payload. */
  readonly size: number;
  /** Keys that the messages have. */
  readonly keys: number;
}

/** What a round took. */
export interface Sample {
  readonly messages: number;
  readonly ms: number;
  /** User and system time of the process, in µs. */
  readonly cpuMicros: number;
  readonly peakRssBytes: number;
  /** Whatever the job measures beside: latencies in ms, order kept, … */
  readonly extra?: Readonly<Record<string, number>>;
}

export type Job = (round: Round) => Promise<Sample>;
export type Jobs = Readonly<Record<string, Job>>;

/** The time and work between two moments of this process. */
export class Stopwatch {
  private startedAt = 0n;
  private cpu = process.cpuUsage();

  start(): void {
    this.cpu = process.cpuUsage();
    this.startedAt = process.hrtime.bigint();
  }

  stop(messages: number, extra?: Readonly<Record<string, number>>): Sample {
    const ms = Number(process.hrtime.bigint() - this.startedAt) / 1e6;
    const { user, system } = process.cpuUsage(this.cpu);
    const peakRssBytes = process.resourceUsage().maxRSS * 1024;
    return { messages, ms, cpuMicros: user + system, peakRssBytes, ...(extra && { extra }) };
  }
}

/** Serves jobs to the parent process, one after the other. */
export function serve(jobs: Jobs): void {
  process.on('message', (round: Round) => {
    const job = jobs[round.job];
    if (!job) throw new Error(`no job ${round.job}`);
    void job(round).then(
      (sample) => process.send?.({ sample }),
      (error: Error) => process.send?.({ error: error.stack }),
    );
  });
  process.once('disconnect', () => process.exit());
  process.send?.({ ready: true });
}
