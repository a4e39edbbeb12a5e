import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DRAIN_MS, type Plan, type Setup, Simulation } from './simulation.js';

/** Each run is a group with members that come, go and die, and messages whose handlers fail; `FC_RUNS` asks for more of them. */
const RUNS = Number(process.env['FC_RUNS'] ?? (process.env['CI'] ? 3_000 : 300));

const setups: fc.Arbitrary<Setup> = fc.record({
  partitions: fc.integer({ min: 1, max: 3 }),
  concurrency: fc.integer({ min: 1, max: 5 }),
  ordering: fc.constantFrom('key', 'key', 'partition', 'none'),
  batchSize: fc.constantFrom(1, 1, 2, 4),
  maxInFlight: fc.integer({ min: 4, max: 12 }),
  maxPollRecords: fc.integer({ min: 1, max: 6 }),
  maxRetries: fc.integer({ min: 0, max: 3 }),
  isManual: fc.boolean(),
  isTransactional: fc.boolean(),
  withRetryTopics: fc.constantFrom(false, false, false, true),
});

/** Longer than a drain, so that partitions go away from under a handler. */
const slow = fc.integer({ min: DRAIN_MS, max: 3 * DRAIN_MS });

const plans: fc.Arbitrary<Plan> = fc.record({
  key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
  calls: fc.array(fc.constantFrom('succeed', 'fail', 'fail', 'refuse'), { maxLength: 4 }),
  ms: fc.oneof({ weight: 9, arbitrary: fc.integer({ max: 120, min: 0 }) }, { weight: 1, arbitrary: slow }),
});

const member = fc.integer({ min: 0, max: 3 });
type Step = (simulation: Simulation) => void | Promise<void>;
const named = <Value>(values: fc.Arbitrary<Value>, name: string, step: (value: Value) => Step) =>
  values.map((value) =>
    fc.cloneIfNeeded(Object.assign(step(value), { toString: () => `${name} ${JSON.stringify(value)}` })),
  );

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: named(plans, 'send', (plan) => (simulation) => simulation.send(plan)) },
  {
    weight: 6,
    arbitrary: named(fc.integer({ min: 1, max: 200 }), 'advance', (ms) => (simulation) => simulation.advance(ms)),
  },
  { weight: 2, arbitrary: named(fc.constant(0), 'join', () => (simulation) => simulation.join()) },
  { weight: 1, arbitrary: named(member, 'leave', (index) => (simulation) => simulation.leave(index)) },
  { weight: 1, arbitrary: named(member, 'expel', (index) => (simulation) => simulation.expel(index)) },
  { weight: 1, arbitrary: named(member, 'crash', (index) => (simulation) => simulation.crash(index)) },
  {
    weight: 1,
    arbitrary: named(
      fc.constantFrom('send', 'settle'),
      'fail',
      (operation) => (simulation) => simulation.fail(operation),
    ),
  },
);

describe('whatever happens to a group', () => {
  it(`loses nothing, writes once what is to be written once, keeps the order and the bounds, commits nothing unfinished, and settles nothing of a lost partition (${RUNS} runs)`, async () => {
    await fc.assert(
      fc.asyncProperty(setups, fc.array(steps, { maxLength: 60, size: 'max' }), async (setup, script) => {
        const simulation = new Simulation(setup);
        simulation.join();
        for (const step of script) await step(simulation);
        await simulation.finish();
        expect(simulation.broken).toEqual([]);
      }),
      { numRuns: RUNS, ...(process.env['FC_SEED'] && { seed: Number(process.env['FC_SEED']) }) },
    );
  }, 600_000);
});
