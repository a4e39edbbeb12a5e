import { setTimeout as delay } from 'node:timers/promises';
import type { Round, Sample } from './protocol.js';

const HANDLER_MS = 5;
const PACE_MS = 5;
const PROBE_MS = 100;
/** Sends from which a latency counts: a service runs for days, and here its consumer has just been started. */
const WARM_UP = 1_000;

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

/** A consumer has fetched and decoded a lot before it hands over its first message; this share of the messages is left out for it. */
const LEFT_OUT = 0.2;

/** Counts what a consumer handles; the time runs from when a fifth is handled to the end of the last. */
export class Tally {
  private readonly watch = new Stopwatch();
  private readonly beginAt: number;
  private begun = 0;
  private ended = 0;
  private resolve: (sample: Sample) => void = () => {};
  readonly finished = new Promise<Sample>((resolve) => (this.resolve = resolve));

  constructor(private readonly messages: number) {
    this.beginAt = Math.floor(messages * LEFT_OUT);
  }

  end(count = 1): void {
    const before = this.ended;
    this.ended += count;
    if (before < this.beginAt && this.ended >= this.beginAt) this.begin();
    if (before < this.messages && this.ended >= this.messages) this.resolve(this.watch.stop(this.ended - this.begun));
  }

  private begin(): void {
    this.begun = this.ended;
    this.watch.start();
  }
}

/** A handler of 5 ms, which finds out when two messages of a key run at once, or in another order than they were sent. */
export class OrderedWork {
  private readonly running = new Set<string>();
  private readonly last = new Map<string, number>();
  private fault: Error | undefined;

  readonly handle = async (key: string, n: number): Promise<void> => {
    if (this.running.has(key)) this.fault ??= new Error(`two messages of ${key} ran at once`);
    if ((this.last.get(key) ?? -1) >= n) this.fault ??= new Error(`message ${n} of ${key} ran after a later one`);
    this.running.add(key);
    this.last.set(key, n);
    await delay(HANDLER_MS);
    this.running.delete(key);
  };

  /** @throws Error when the order was not kept. */
  verified(sample: Sample): Sample {
    if (this.fault) throw this.fault;
    return sample;
  }
}

/** Sends waves of `atOnce`, each when the one before is acknowledged; `send` is called with the first number and the count. */
export async function inWaves(round: Round, wave: (from: number, count: number) => Promise<unknown>): Promise<Sample> {
  const watch = new Stopwatch();
  watch.start();
  for (let from = 0; from < round.messages; from += round.atOnce) await wave(from, round.atOnce);
  return watch.stop(round.messages);
}

/** Sends singly, `atOnce` at a time. */
export function singly(round: Round, send: (n: number) => Promise<unknown>): Promise<Sample> {
  return inWaves(round, (from, count) => Promise.all(Array.from({ length: count }, (_, at) => send(from + at))));
}

/** Sends one after the other; the sample has the percentiles of a send. */
export async function oneByOne(round: Round, send: (n: number) => Promise<unknown>): Promise<Sample> {
  const times: number[] = [];
  const watch = new Stopwatch();
  watch.start();
  for (let n = 0; n < round.messages; n++) {
    const start = performance.now();
    await send(n);
    times.push(performance.now() - start);
  }
  return watch.stop(round.messages, percentiles(times));
}

/** When the next message is sent, in ms after the one before. */
type Gaps = () => number;

/** As many at once as the round says, at even times. */
export function evenly({ atOnce }: Round): Gaps {
  let n = 0;
  return () => (n++ % atOnce === 0 ? PACE_MS * atOnce : 0);
}

/** As messages come that know nothing of each other: a Poisson process, the same one each time. */
export function atRandom(): Gaps {
  let state = 1;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32; // a generator of Numerical Recipes
    return -Math.log(1 - state / 2 ** 32) * PACE_MS;
  };
}

/** Sends 200 messages a second and takes the time of each until it is handled. */
export class LatencyProbe {
  private readonly sentAt = new Map<number, number>();
  private readonly times: number[] = [];
  private warm = false;

  /** To be called by the handler. */
  received(n: number): void {
    this.warm = true;
    const sentAt = this.sentAt.get(n);
    if (sentAt !== undefined) this.times.push(performance.now() - sentAt);
    this.sentAt.delete(n);
  }

  async run(round: Round, send: (n: number) => Promise<unknown>, gaps: Gaps): Promise<Sample> {
    while (!this.warm) await Promise.all([send(-1), delay(PROBE_MS)]);
    const watch = new Stopwatch();
    watch.start();
    await Promise.all(await this.paced(round.messages, send, gaps));
    while (this.sentAt.size > 0) await delay(PACE_MS);
    return watch.stop(round.messages, percentiles(this.times.slice(WARM_UP)));
  }

  private async paced(
    messages: number,
    send: (n: number) => Promise<unknown>,
    gaps: Gaps,
  ): Promise<Promise<unknown>[]> {
    let at = performance.now();
    const sends: Promise<unknown>[] = [];
    for (let n = 0; n < messages; n++) {
      const gap = gaps();
      at += gap;
      if (gap > 0) await delay(Math.max(at - performance.now(), 0));
      this.sentAt.set(n, performance.now());
      sends.push(send(n));
    }
    return sends;
  }
}

function percentiles(times: readonly number[]): { readonly p50: number; readonly p99: number } {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
}
