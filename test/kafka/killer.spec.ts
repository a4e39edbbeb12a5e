import { describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../lib/core/clock.js';
import { brokerAddress, kafkaBackends } from '../support/brokers/with-broker.js';
import { Child } from '../support/child.js';
import { record } from '../support/records.js';
import { unique } from '../support/unique.js';
import { openDriver, readAll, tell } from './support.js';

const COUNT = 1_000;
const PARTITIONS = 3;
const TIME_LIMIT_MS = 150_000;
/** Among all, among a group, and `maxDeliveries` times alone. */
const MOST_DEATHS = 1 + 1 + 5;

const address = brokerAddress('kafka') ?? '';

describe.each(kafkaBackends())('%s: a message that ends the process', (backend) => {
  it('is dead-lettered alone, and a thousand others get through', { timeout: 200_000 }, async () => {
    const names = { TOPIC: unique('orders'), GROUP: unique('group'), BOOTSTRAP: address, BACKEND: backend };
    const driver = await openDriver(backend, address);
    await driver.admin.create([
      { topic: names.TOPIC, partitions: PARTITIONS },
      { topic: `${names.TOPIC}-dlq`, partitions: PARTITIONS },
    ]);
    const values = Array.from({ length: COUNT }, (_, index) => String(index));
    values.splice(COUNT / 2, 0, '"kill"');
    await driver.send(
      values.map((value) => record(names.TOPIC, value, { key: value })),
      Date.now() + 30_000,
    );
    await driver.close(deadlineIn(systemClock, 5_000));

    const handled = new Map<string, number>();
    const deadline = Date.now() + TIME_LIMIT_MS;
    let deaths = 0;
    while (handled.size < COUNT && Date.now() < deadline) {
      const child = Child.app('test/kafka/apps/killer.ts', names);
      const ended = child.end().then(() => true);
      while (!(await Promise.race([ended, after(100)])) && handledBy(child, handled) < COUNT && Date.now() < deadline);
      count(child, handled);
      if (handled.size < COUNT) deaths++;
      child.signal('SIGTERM');
      await ended;
    }
    const dead = readAll(address, `${names.TOPIC}-dlq`);
    const repeated = [...handled.values()].reduce((sum, times) => sum + times - 1, 0);
    tell({ test: 'process-killer', backend, innocent: COUNT, handled: handled.size, repeated, deaths, dead });
    expect({ handled: handled.size, dead }).toEqual({ handled: COUNT, dead: ['"kill"'] });
    expect(deaths).toBeLessThanOrEqual(MOST_DEATHS);
  });
});

function after(ms: number): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), ms));
}

function numbersOf(child: Child): string[] {
  return child.lines.flatMap((line) => /^handled (\d+)$/.exec(line)?.[1] ?? []);
}

function handledBy(child: Child, before: ReadonlyMap<string, number>): number {
  return new Set([...before.keys(), ...numbersOf(child)]).size;
}

function count(child: Child, handled: Map<string, number>): void {
  for (const value of numbersOf(child)) handled.set(value, (handled.get(value) ?? 0) + 1);
}
