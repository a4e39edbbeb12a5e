import type {} from 'vitest';
import type { TestProject } from 'vitest/node';
import { acquireBrokers, type AcquiredBrokers, type Availability } from './acquire.js';
import { acquireConfluent } from './confluent.js';

declare module 'vitest' {
  interface ProvidedContext {
    brokers: AcquiredBrokers['brokers'];
    /** The native client's folder. */
    confluent: Availability;
  }
}

interface Shared {
  users: number;
  readonly brokers: Promise<AcquiredBrokers>;
  readonly confluent: Promise<Availability>;
}

/** Each project of a run loads this file anew; what it shares with the others is kept on the process. */
const holder = globalThis as { [key: symbol]: Shared | undefined };
const KEY = Symbol.for('nestjs-messaging:test-brokers');

/** The brokers that all suites of a run share; a scenario that breaks its broker starts one of its own. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const shared = (holder[KEY] ??= { users: 0, brokers: acquireBrokers(), confluent: acquireConfluent() });
  shared.users++;
  const [{ brokers, stop }, confluent] = await Promise.all([shared.brokers, shared.confluent]);
  if (shared.users === 1) tellMissing({ ...brokers, confluent });
  provide('brokers', brokers);
  provide('confluent', confluent);
  return async () => {
    shared.users--;
    if (shared.users > 0) return;
    holder[KEY] = undefined;
    await stop();
  };
}

function tellMissing(brokers: Readonly<Record<string, Availability>>): void {
  for (const [name, found] of Object.entries(brokers))
    if ('missing' in found) console.warn(`${name} tests are skipped: ${found.missing}`);
}
