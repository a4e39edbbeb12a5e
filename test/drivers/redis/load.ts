import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { expect } from 'vitest';
import { deadlineIn, systemClock } from '../../../lib/core/clock.js';
import { MessagingError } from '../../../lib/core/errors.js';
import type { OutgoingRecord } from '../../../lib/core/message.js';
import type { Driver } from '../../../lib/driver/driver.js';
import type { RedisOptions } from '../../../lib/options/redis.options.js';
import { Child } from '../../support/child.js';
import { eventually } from '../../support/eventually.js';
import { record } from '../../support/records.js';
import { unique } from '../../support/unique.js';
import { LoadMember, type LoadOptions } from './load-member.js';
import { openRedisDriver, type OpenedDriver } from './support.js';

/** Messages of a scenario; `REDIS_LOAD` makes the runs longer. */
export const COUNT = Number(process.env['REDIS_LOAD'] ?? 20_000);
const CHUNK = 250;

export const FAST: RedisOptions = { claimIdleMs: 1_500, blockMs: 500, leaseMs: 1_500, requestTimeoutMs: 1_500 };

export interface Figures {
  readonly sent: number;
  readonly outputs: number;
  readonly unique: number;
  readonly duplicates: number;
  readonly pending: number;
}

/** A topic with an output topic, a group that copies from one to the other, and what was sent. */
export class Load {
  readonly topic = unique('in');
  readonly output = unique('out');
  readonly groupId = unique('group');
  /** Speaks to the server itself, whatever stands before it for others. */
  readonly client: Redis;
  readonly opened: OpenedDriver[] = [];
  readonly children: Child[] = [];
  readonly members: LoadMember[] = [];
  private sender!: Driver;
  private next = 0;
  private sent: string[] = [];

  private constructor(
    readonly url: string,
    directUrl: string,
    private readonly partitions: number,
  ) {
    this.client = new Redis(directUrl, { maxRetriesPerRequest: null, protocol: 2 });
    this.client.on('error', () => {}); // the servers of these tests come and go
  }

  /** @param url where members and senders connect; @param directUrl where the figures are read. */
  static async open(url: string, { directUrl = url, partitions = 1 } = {}): Promise<Load> {
    const load = new Load(url, directUrl, partitions);
    load.sender = await load.driver();
    await load.sender.admin.create([{ topic: load.topic, partitions }, { topic: load.output }]);
    return load;
  }

  async driver(options: RedisOptions = {}): Promise<Driver> {
    const opened = await openRedisDriver({ url: this.url, ...FAST, ...options });
    this.opened.push(opened);
    return opened.driver;
  }

  get logged(): string[] {
    return this.opened.flatMap(({ log }) => log.lines.map(({ level, text }) => `${level} ${text}`));
  }

  async join(options: Partial<LoadOptions> = {}): Promise<LoadMember> {
    const { topic, output, groupId } = this;
    const member = LoadMember.join(await this.driver(), {
      topic,
      output,
      groupId,
      concurrency: 50,
      handlerMs: 10,
      ...options,
    });
    this.members.push(member);
    return member;
  }

  /** Where messages are given up. */
  get deadLetters(): string {
    return `${this.topic}-dlq`;
  }

  async spawn(env: NodeJS.ProcessEnv = {}): Promise<Child> {
    const names = { URL: this.url, TOPIC: this.topic, OUTPUT: this.output, GROUP: this.groupId };
    const child = Child.app('test/drivers/redis/worker.ts', { ...names, ...env });
    this.children.push(child);
    await child.line(/^listening$/);
    return child;
  }

  /** Sends that many over about that time; every one must be acknowledged. */
  async send(count: number, overMs = 0, rest: () => Partial<OutgoingRecord> = () => ({})): Promise<void> {
    const chunks = Math.ceil(count / CHUNK);
    for (let chunk = 0; chunk < chunks; chunk++) {
      const values = Array.from({ length: Math.min(CHUNK, count - chunk * CHUNK) }, () => String(this.next++));
      const list = values.map((value) => ({
        ...record(this.topic, value, { key: `key-${Number(value) % 100}` }),
        ...rest(),
      }));
      const results = await this.sender.send(list, Date.now() + 60_000);
      for (const result of results) if (result instanceof MessagingError) throw result;
      this.sent.push(...values);
      if (overMs > 0) await delay(overMs / chunks);
    }
  }

  /** What was sent before does not count any more: the server has lost it. */
  forget(value?: string): void {
    this.sent = this.sent.filter((one) => value !== undefined && one !== value);
  }

  get runs(): number {
    return this.members.reduce((sum, { runs }) => sum + runs, 0);
  }

  async figures(): Promise<Figures> {
    const wanted = new Set(this.sent);
    const values = (await this.outputs()).filter((value) => wanted.has(value));
    const pending = await this.pending();
    const distinct = new Set(values).size;
    const duplicates = values.length - distinct;
    return { sent: this.sent.length, outputs: values.length, unique: distinct, duplicates, pending };
  }

  get streams(): string[] {
    const { topic, partitions } = this;
    return partitions === 1 ? [topic] : Array.from({ length: partitions }, (_, index) => `${topic}:${index}`);
  }

  async pending(): Promise<number> {
    return [...(await this.owners()).values()].reduce((sum, count) => sum + count, 0);
  }

  /** How many messages each member has. */
  async owners(): Promise<Map<string, number>> {
    const answers = await Promise.all(this.streams.map((stream) => this.client.xpending(stream, this.groupId)));
    const rows = answers.flatMap(([, , , owners]) => (owners ?? []) as [name: string, count: string][]);
    const owners = new Map<string, number>();
    for (const [name, count] of rows) owners.set(name, (owners.get(name) ?? 0) + Number(count));
    return owners;
  }

  async outputs(stream = this.output): Promise<string[]> {
    const values: string[] = [];
    for (let from = '-'; ;) {
      const page = await this.client.xrange(stream, from, '+', 'COUNT', 5_000);
      for (const [, fields] of page) values.push(fields[fields.indexOf('data') + 1] as string);
      const last = page.at(-1);
      if (!last || page.length < 5_000) return values;
      from = `(${last[0]}`;
    }
  }

  /** Waits until so many more outputs are written. */
  async passed(count: number): Promise<void> {
    const before = await this.client.xlen(this.output);
    await eventually(async () => expect(await this.client.xlen(this.output)).toBeGreaterThan(before + count));
  }

  /** Each message that was sent has one output, and nothing is pending. Prints the figures. */
  async complete(title: string, timeoutMs = 40_000): Promise<Figures> {
    const figures = await this.settled(title, timeoutMs);
    expect(figures).toMatchObject({ unique: figures.sent, duplicates: 0, pending: 0 });
    return figures;
  }

  /** Waits until all is done, or nothing more can be hoped for, and prints the figures. */
  async settled(title: string, timeoutMs = 40_000): Promise<Figures> {
    const started = Date.now();
    await eventually(async () => {
      expect(await this.client.xlen(this.output)).toBeGreaterThanOrEqual(this.sent.length);
      expect(await this.pending()).toBe(0);
    }, timeoutMs).catch(() => {}); // the figures tell more
    const figures = await this.figures();
    console.log(`${title}: ${JSON.stringify({ ...figures, runs: this.runs, settledMs: Date.now() - started })}`);
    return figures;
  }

  async close(): Promise<void> {
    await Promise.all(this.opened.map(({ driver }) => driver.close(deadlineIn(systemClock, 3_000))));
    await Promise.all(this.children.map((child) => child.kill()));
    this.client.disconnect();
  }
}
