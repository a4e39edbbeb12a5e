import { describe, expect, it } from 'vitest';
import type { Attempt } from '../../../lib/core/attempt.js';
import { MessagingError } from '../../../lib/core/errors.js';
import type { HeaderList } from '../../../lib/core/headers.js';
import type { Settle, Verdict } from '../../../lib/core/outcome.js';
import { beforeHandling } from '../../../lib/pipeline/before-handling.js';
import { toOutputs, type OutputFormats } from '../../../lib/pipeline/output.js';
import type { PipelineOptions, PipelineReport } from '../../../lib/pipeline/pipeline-options.js';
import { retryLater } from '../../../lib/pipeline/retry-record.js';
import { FakeClock, settle } from '../../../lib/testing/fake-clock.js';
import { TestLog } from '../../support/test-log.js';

const STEPS = [1_000, 60_000, 600_000];

interface Spec {
  readonly headers?: Readonly<Record<string, string>>;
  readonly deliveries?: number;
  readonly attempt?: number;
  readonly signal?: AbortSignal;
}

function attemptOf({
  headers = {},
  deliveries = 1,
  attempt = 1,
  signal = new AbortController().signal,
}: Spec): Attempt {
  const list: HeaderList = Object.entries(headers).map(([name, value]) => [name, Buffer.from(value)]);
  const partition = { topic: 'tasks', index: 2 };
  const delivery = { partition, offset: '7', key: Buffer.from('k'), value: Buffer.from('1'), timestamp: 5 };
  return {
    delivery: { ...delivery, headers: list, deliveries },
    lane: 'k',
    attempt,
    firstFailureAt: undefined,
    signal,
    onAbandon: undefined,
    decide: () => {},
  };
}

function optionsOf(more: Partial<PipelineOptions> = {}): PipelineOptions {
  const report: PipelineReport = { retrying: () => {}, gaveUp: () => {}, held: () => {}, ackOverdue: () => {} };
  return {
    handlerName: 'Tasks',
    groupId: 'own',
    outputTopic: 'results',
    deadLetter: { kind: 'topic', topic: 'tasks-dlq' },
    maxDeliveries: 3,
    hasPartitions: true,
    isManual: false,
    ackTimeoutMs: 1_000,
    retryTopics: { steps: STEPS, nameOf: (stepMs) => `tasks-retry-${stepMs}` },
    clock: new FakeClock(1_000_000),
    log: new TestLog(),
    random: () => 0,
    report,
    ...more,
  } as PipelineOptions;
}

describe('before its handler is called', () => {
  it('a message that was sent again for another group is settled, and one for this group is not', () => {
    const before = (headers: Record<string, string>) => beforeHandling(attemptOf({ headers }), optionsOf());
    const skipped = { kind: 'settle', outcome: { kind: 'ack', outputs: [] }, as: 'skipped' };
    expect(before({ 'x-other': 'own', 'x-target-group': 'another' })).toEqual(skipped);
    expect(before({ 'x-other': 'another', 'x-target-group': 'own' })).toBeUndefined();
    expect(before({ 'x-other': 'another' })).toBeUndefined();
    expect(before({})).toBeUndefined();
  });

  it('a message that was delivered too often and never finished is given up, and says so', () => {
    const gaveUp: unknown[][] = [];
    const report = { ...optionsOf().report, gaveUp: (...args: unknown[]) => void gaveUp.push(args) };
    const attempt = attemptOf({ deliveries: 4 });
    const verdict = beforeHandling(attempt, optionsOf({ report })) as Settle;
    expect(verdict).toMatchObject({ kind: 'settle', as: 'deadLettered', outcome: { kind: 'deadLetter' } });
    expect(attempt.firstFailureAt).toBe(1_000_000);
    expect(gaveUp).toEqual([[attempt, 'max-deliveries', expect.any(Error)]]);
    expect(gaveUp[0]?.[2]).toHaveProperty(
      'message',
      'tasks/2 offset 7 was delivered 4 times and never finished; `maxDeliveries` is 3. Its handler seems to end the process.',
    );
    expect(beforeHandling(attemptOf({ deliveries: 3 }), optionsOf())).toBeUndefined();
  });

  it('a message that came from a retry topic before it is due is parked again', () => {
    const headers = { 'x-first': '1', 'x-attempt': '2', 'x-due-at': '1090000' };
    const before = (spec: Spec, more: Partial<PipelineOptions> = {}): Verdict | undefined =>
      beforeHandling(attemptOf({ headers, ...spec }), optionsOf(more));
    expect(before({ attempt: 2 })).toMatchObject({
      kind: 'settle',
      as: 'parked',
      outcome: { kind: 'retryLater', dueAt: 1_090_000, record: { topic: 'tasks-retry-600000' } },
    });
    expect(before({ attempt: 1 })).toBeUndefined();
    expect(before({ attempt: 2 }, { retryTopics: undefined })).toBeUndefined();
    for (const due of ['1000000', '999999', 'soon'])
      expect(before({ attempt: 2, headers: { ...headers, 'x-due-at': due } })).toBeUndefined();
    expect(before({ attempt: 2, headers: { 'x-attempt': '2' } })).toBeUndefined();
  });
});

describe('a message that is parked', () => {
  it.each([
    [500, 1_000],
    [1_000, 1_000],
    [1_001, 60_000],
    [60_001, 600_000],
    [6_000_000, 600_000],
  ])('for %i ms goes to the topic of %i', (delayMs, step) => {
    const schedule = { attempt: 3, now: 1_000_000, dueAt: 1_000_000 + delayMs };
    const retryTopics = { steps: STEPS, nameOf: (stepMs: number) => `retry-${stepMs}` };
    const settled = retryLater(attemptOf({ attempt: 2 }), schedule, { groupId: 'own', retryTopics });
    expect(settled).toMatchObject({
      as: 'parked',
      outcome: { kind: 'retryLater', record: { topic: `retry-${step}` } },
    });
    const { headers } = (settled.outcome as { record: { headers: HeaderList } }).record;
    const texts = Object.fromEntries(headers.map(([name, value]) => [name, value.toString()]));
    expect(texts).toMatchObject({ 'x-attempt': '3', 'x-due-at': String(1_000_000 + delayMs) });
  });
});

describe('an output whose format needs a registry', () => {
  class RegistryDown extends MessagingError {
    override readonly pausesPartition = true;
  }

  class NotOfSchema extends MessagingError {}

  /** Answers as told, one a call; then with the message as text. */
  function formatsOf(answers: (Error | undefined)[]): OutputFormats {
    const serialize = async (message: unknown) => {
      const error = answers.shift();
      if (error) throw error;
      return Buffer.from(String(message));
    };
    return {
      of: () => ({ serialize, deserialize: () => undefined }),
      keyOf: async (key) => Buffer.from(`key of ${String(key)}`),
    };
  }

  it('is one record with key, value and trace, once both are there', async () => {
    const attempt = attemptOf({ headers: { traceparent: '00-1', 'x-mine': 'no' } });
    const made = await toOutputs([{ message: 'a', key: 5 }], attempt, optionsOf({ outputs: formatsOf([]) }));
    expect(made).toEqual([
      {
        topic: 'results',
        key: Buffer.from('key of 5'),
        value: Buffer.from('a'),
        headers: [['traceparent', Buffer.from('00-1')]],
      },
    ]);
  });

  it('waits while it is down, tells so, and is encoded again without the handler', async () => {
    const clock = new FakeClock(0);
    const held: Error[] = [];
    const report = { ...optionsOf().report, held: (_attempt: Attempt, error: Error) => void held.push(error) };
    const down = new RegistryDown('down');
    const options = optionsOf({ clock, report, outputs: formatsOf([down, down]) });
    let made: unknown;
    void Promise.resolve(toOutputs([{ message: 'a' }], attemptOf({}), options)).then((records) => (made = records));
    await settle();
    expect(held).toEqual([down]);
    await clock.advance(2_000);
    expect(held).toEqual([down, down]);
    expect(made).toBeUndefined();
    await clock.advance(2_000);
    expect(made).toMatchObject([{ topic: 'results', key: Buffer.from('k'), value: Buffer.from('a') }]);
  });

  it('fails with any other error, and at once when its message is lost', async () => {
    const other = new NotOfSchema('not of this schema');
    const failing = async (error: Error, spec: Spec = {}) => {
      const held: Error[] = [];
      const report = { ...optionsOf().report, held: (_attempt: Attempt, one: Error) => void held.push(one) };
      const options = optionsOf({ report, outputs: formatsOf([error, error]) });
      await expect(toOutputs([{ message: 'a' }], attemptOf(spec), options)).rejects.toBe(error);
      expect(held).toEqual([]);
    };
    await failing(other);
    await failing(new TypeError('no'));
    await failing(new RegistryDown('down'), { signal: AbortSignal.abort() });
  });
});
