import { deepEqual } from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { deadlineIn, systemClock } from '../../lib/core/clock.js';
import { MessagingError } from '../../lib/core/errors.js';
import type { MessagingOptions } from '../../lib/index.js';
import { driverFactory } from '../../lib/driver/driver.factory.js';
import type { BrokerAdmin } from '../../lib/driver/broker-admin.js';
import type { Driver } from '../../lib/driver/driver.js';
import { resolveMessagingOptions } from '../../lib/options/messaging.options.js';
import { record } from '../support/records.js';
import { TestLog } from '../support/test-log.js';
import { unique } from '../support/unique.js';
import { chaosBrokers, type ChaosBroker } from './brokers.js';
import { Collector, type Passed } from './collector.js';
import { Fleet } from './fleet.js';
import { describeLoss, type Sent } from './loss.js';
import { PositionWatch } from './position-watch.js';
import { readPositions } from './read-positions.js';

export type Fault = 'kill' | 'term' | 'freeze' | 'restart' | 'cut' | 'join' | 'leave' | 'roll';

export interface ChaosOptions {
  readonly broker: string;
  /** How long messages are sent and faults happen, in s. */
  readonly seconds: number;
  readonly messages: number;
  /** In this order, one after the other, each once at least and over again while there is time. */
  readonly faults: readonly Fault[];
  /** The group's worker has `exactlyOnce`; a reader that is none of ours counts too. */
  readonly exactlyOnce?: boolean;
  readonly log?: (line: string) => void;
}

export interface ChaosResult {
  readonly broker: string;
  readonly produced: number;
  readonly outputs: number;
  readonly lost: number;
  readonly outOfOrder: number;
  readonly duplicates: number;
  readonly restarts: number;
  readonly seconds: number;
  /** Records that lie in the input topic. */
  readonly inputs?: number;
  /** Records of aborted transactions that our reader saw, and how many there were to see; counted with `exactlyOnce`. */
  readonly abortedSeen?: number;
  readonly aborted?: number;
}

const PARTITIONS = 8;
const KEYS = 200;
const MEMBERS = 2;
/** Longer than the session of a member. */
const FREEZE_MS = 8_000;
/** Nothing has come out for so long: what is missing is lost. */
const STALL_MS = 60_000;

/** Sends keyed messages through a group of processes while everything around them fails, and says what became of them. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const open = (chaosBrokers as Readonly<Record<string, () => Promise<ChaosBroker>>>)[options.broker];
  if (!open)
    throw new Error(
      `Expected \`broker\` to be one of ${Object.keys(chaosBrokers).join(', ')}, got \`${options.broker}\`.`,
    );
  const broker = await open();
  try {
    return await new Chaos(options, broker).run();
  } finally {
    await broker.stop();
  }
}

class Chaos {
  private readonly names = { TOPIC: unique('in'), OUTPUT: unique('out'), GROUP: unique('group') };
  private readonly produced: Sent[] = [];
  private readonly fleet: Fleet;
  private readonly started = Date.now();
  private restarts = 0;

  constructor(
    private readonly options: ChaosOptions,
    private readonly broker: ChaosBroker,
  ) {
    const EXACTLY_ONCE = options.exactlyOnce ? '1' : '';
    this.fleet = new Fleet({ ...this.names, EXACTLY_ONCE, OPTIONS: JSON.stringify(broker.options) });
  }

  async run(): Promise<ChaosResult> {
    const { kafka, ...rest } = this.broker.options;
    const idempotent = kafka && { kafka: { ...kafka, enableIdempotence: this.options.exactlyOnce } };
    const driver = await this.openDriver({ ...rest, ...idempotent });
    const positions = new PositionWatch(driver.brokerAdmin as BrokerAdmin, this.names.GROUP);
    try {
      await driver.admin.create(
        [this.names.TOPIC, this.names.OUTPUT].map((topic) => ({ topic, partitions: PARTITIONS })),
      );
      const collector = Collector.start(driver, this.names.OUTPUT, unique('collector'));
      await this.fleet.start(MEMBERS);
      await Promise.all([this.produce(driver), this.strike()]);
      this.say(`${this.produced.length} sent, ${collector.count} have come out`);
      await this.drain(collector);
      this.say(`${collector.count} have come out`);
      const result = this.judge(collector);
      await this.explain(driver, collector, result);
      await this.check(positions, result);
      return { ...result, ...(this.options.exactlyOnce && (await this.compare(collector))) };
    } finally {
      await positions.stop();
      await this.fleet.stop();
      const deadline = deadlineIn(systemClock, 5_000);
      await driver.close(deadline);
      deadline.cancel();
    }
  }

  private async openDriver(options: MessagingOptions): Promise<Driver> {
    const { connections, broker } = resolveMessagingOptions(options, {});
    const connection = connections.get(broker);
    if (!connection) throw new Error(`there is no connection ${broker}`);
    const context = { connection: broker, clock: systemClock, log: new TestLog(), onStatus: () => {} };
    const driver = await driverFactory.create(connection, context);
    await driver.connect();
    return driver;
  }

  /** Evenly over the time; only what the broker acknowledged counts. */
  private async produce(driver: Driver): Promise<void> {
    const { messages, seconds } = this.options;
    const rounds = seconds * 10;
    const sending: Promise<void>[] = [];
    for (let round = 0, n = 0; round < rounds; round++) {
      const end = Math.round((messages * (round + 1)) / rounds);
      const list = Array.from({ length: end - n }, (_, at) => ({ key: `key-${(n + at) % KEYS}`, n: n + at }));
      n = end;
      sending.push(this.send(driver, list));
      await delay(100);
    }
    await Promise.all(sending);
  }

  private async send(driver: Driver, list: readonly Passed[]): Promise<void> {
    const records = list.map((passed) => record(this.names.TOPIC, JSON.stringify(passed), { key: passed.key }));
    const results = await driver.send(records, Date.now() + 120_000);
    for (const [index, result] of results.entries()) {
      if (result instanceof MessagingError) throw result;
      this.produced.push({ ...(list[index] as Passed), partition: result.partition, offset: result.offset });
    }
  }

  private async strike(): Promise<void> {
    const { faults, seconds } = this.options;
    const end = this.started + seconds * 1_000;
    for (let turn = 0; turn < faults.length || (Date.now() < end && faults.length > 0); turn++) {
      const fault = faults[turn % faults.length] as Fault;
      await delay(1_000);
      this.say(fault);
      await this.inflict(fault);
    }
  }

  private async inflict(fault: Fault): Promise<void> {
    switch (fault) {
      case 'kill':
        return this.fleet.replace('SIGKILL');
      case 'term':
        return this.fleet.replace('SIGTERM');
      case 'freeze':
        return this.fleet.freeze(() => delay(FREEZE_MS));
      case 'restart':
        this.restarts++;
        return this.broker.restart();
      case 'cut':
        return this.broker.cut();
      case 'join':
        return this.fleet.start(1);
      case 'roll':
        return this.roll();
      case 'leave':
        return this.fleet.size > 1 ? this.fleet.leave() : undefined;
    }
  }

  /** Everything is replaced, one after the other, as in an upgrade. */
  private async roll(): Promise<void> {
    this.restarts++;
    await this.broker.roll([this.names.TOPIC, this.names.OUTPUT]);
    for (let member = 0; member < this.fleet.size; member++) await this.fleet.replace('SIGTERM');
  }

  private async drain(collector: Collector): Promise<void> {
    let before = -1;
    for (let since = Date.now(); collector.count < this.produced.length; await delay(100)) {
      if (collector.count !== before) since = Date.now();
      before = collector.count;
      if (Date.now() - since > STALL_MS) return;
    }
  }

  /** @throws when something is lost, with all that tells where */
  private async explain(driver: Driver, collector: Collector, result: ChaosResult): Promise<void> {
    const lost = this.produced.filter((passed) => !collector.has(passed));
    if (lost.length === 0) return;
    const where = await describeLoss(lost, driver.brokerAdmin as BrokerAdmin, this.names);
    throw new Error([JSON.stringify(result), where, this.fleet.log].join('\n'));
  }

  /** @throws when a position went back, as a former owner's commit would make it, or one stands before what was handled */
  private async check(positions: PositionWatch, result: ChaosResult): Promise<void> {
    const behind = await positions.uncommitted(STALL_MS);
    const found = { ...result, setbacks: positions.setbacks, behind };
    deepEqual(found, { ...result, setbacks: [], behind: [] });
  }

  /** Everything that will ever come out has, once the members have left: then both readers must have read the same. */
  private async compare(collector: Collector): Promise<Partial<ChaosResult>> {
    while (this.fleet.size > 0) await this.fleet.leave();
    const { TOPIC, OUTPUT } = this.names;
    const inputs = await this.read(TOPIC, 'read_committed');
    const committed = new Set(await this.read(OUTPUT, 'read_committed'));
    const all = await this.read(OUTPUT, 'read_uncommitted');
    for (const end = Date.now() + STALL_MS; collector.outputs < committed.size && Date.now() < end;) await delay(100);
    const abortedSeen = [...collector.positions].filter((position) => !committed.has(position)).length;
    return {
      inputs: inputs.length,
      outputs: committed.size,
      duplicates: committed.size - collector.inputs,
      abortedSeen,
      aborted: all.length - committed.size,
    };
  }

  private read(topic: string, isolation: string): Promise<string[]> {
    return readPositions(this.broker.address ?? '', topic, isolation);
  }

  private judge(collector: Collector): ChaosResult {
    return {
      broker: this.options.broker,
      produced: this.produced.length,
      outputs: collector.outputs,
      lost: this.produced.filter((passed) => !collector.has(passed)).length,
      outOfOrder: collector.outOfOrder,
      duplicates: collector.outputs - collector.count,
      restarts: this.fleet.restarts + this.restarts,
      seconds: Math.round((Date.now() - this.started) / 1_000),
    };
  }

  private say(line: string): void {
    this.options.log?.(`${((Date.now() - this.started) / 1_000).toFixed(1)} s: ${line}`);
  }
}
