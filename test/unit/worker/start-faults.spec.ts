import { Controller, Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from 'vitest';
import {
  Consumer,
  ConfigurationError,
  EventTopic,
  MessagingModule,
  Producer,
  type TopicRef,
  Worker,
  WorkerHost,
  type WorkerOptions,
} from '../../../lib/index.js';
import { type AppSpec, testModule } from '../../support/test-app.js';

async function faultsOf(spec: AppSpec): Promise<readonly string[]> {
  const module = await testModule(spec).compile();
  try {
    await module.init();
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults;
    throw error;
  } finally {
    await module.close().catch(() => {}); // Nest 11 tells the error of the start again
  }
  return [];
}

function workerWith(options: object, name = 'TaskWorker') {
  const type = {
    [name]: class extends WorkerHost {
      override async process() {}
    },
  }[name] as new () => WorkerHost;
  Worker({ topic: 'tasks', ...options } as WorkerOptions)(type);
  return type;
}

const memory = { broker: 'memory' } as const;

describe('a handler that cannot work is told at start', () => {
  it.each<[string, object, string]>([
    ['no concurrency', { concurrency: 0 }, 'Expected `TaskWorker.concurrency` to be an integer ≥ 1, got `0` (number).'],
    ['a misspelt option', { groupID: 'x' }, 'Unknown option `TaskWorker.groupID`, did you mean `groupId`?'],
    [
      'an unknown connection',
      { broker: 'kafak' },
      'Expected `TaskWorker.broker` to be the name of a connection (kafka, redis, memory), got `kafak` (string), did you mean `kafka`?',
    ],
    [
      'a topic that is none',
      { topic: 7 },
      'Expected `TaskWorker.topic` to be a topic: a name that is not empty, or a class with a static `topicName`, got `7` (number).',
    ],
    [
      'a topic name that Kafka has not',
      { topic: 'a b', broker: 'kafka' },
      'Expected `TaskWorker.topic` to be a topic name of letters, digits, `.`, `_` and `-`, at most 249, got `a b` (string).',
    ],
    [
      'an output topic name that Kafka has not',
      { outputTopic: 'ü', broker: 'kafka' },
      'Expected `TaskWorker.outputTopic` to be a topic name of letters, digits, `.`, `_` and `-`, at most 249, got `ü` (string).',
    ],
    [
      'batches without the method for them',
      { batchSize: 10 },
      '`TaskWorker.batchSize` is 10, which needs `processBatch`. Implement it, or set `batchSize` to 1.',
    ],
    [
      'batches that never fill',
      { batchSize: 10, maxInFlight: 5 },
      '`TaskWorker.batchSize` (10) is above `maxInFlight` (5), so no batch could ever fill. Lower one or raise the other.',
    ],
    [
      'a batch time without batches',
      { batchTimeoutMs: 5 },
      '`TaskWorker.batchTimeoutMs` has no effect while `batchSize` is 1. Set `batchSize`, or remove it.',
    ],
    [
      'a policy and the same options flat',
      { retry: { maxRetries: 1 }, maxRetries: 2, jitter: 0.5 },
      '`TaskWorker` has both `retry` and `maxRetries`, `jitter`. Keep the policy, or the options one by one.',
    ],
    [
      'a policy with a fault',
      { retry: { maxRetries: -1 } },
      'Expected `TaskWorker.retry.maxRetries` to be an integer ≥ 0, or Infinity, got `-1` (number).',
    ],
    [
      'a policy that is none',
      { retry: 3 },
      'Expected `TaskWorker.retry` to be an object of retry options, got `3` (number).',
    ],
    ['too much jitter', { jitter: 2 }, 'Expected `TaskWorker.jitter` to be a number from 0 to 1, got `2` (number).'],
    [
      'error classes that are none',
      { nonRetryable: ['TypeError'] },
      "Expected `TaskWorker.nonRetryable` to be an array of error classes, got `[ 'TypeError' ]` (object).",
    ],
    [
      'retry topics under key order',
      { retryTopics: [60_000], initialDelayMs: 60_000 },
      "`TaskWorker.retryTopics` let later messages pass the one that waits, and `ordering` is 'key'. Set `allowReorder: true` if that is fine, or `ordering: 'none'`, or remove `retryTopics`.",
    ],
    [
      'retry topics that are never used',
      { retryTopics: [60_000], ordering: 'none', maxRetries: 2 },
      '`TaskWorker.retryTopics` would never be used: the longest delay is 4000 ms, and up to `inPlaceRetryMaxMs` (30000) a message waits in place. Raise the delays, or remove `retryTopics`.',
    ],
    [
      'a longest wait in place without retry topics',
      { inPlaceRetryMaxMs: 5 },
      '`TaskWorker.inPlaceRetryMaxMs` has no effect while there are no `retryTopics`. Set them, or remove it.',
    ],
    [
      'a licence to reorder without retry topics',
      { allowReorder: true },
      '`TaskWorker.allowReorder` has no effect while there are no `retryTopics`. Set them, or remove it.',
    ],
    [
      'a dead letter topic that is not used',
      { dlqTopic: 'dead', deadLetter: 'stop' },
      '`TaskWorker.dlqTopic` has no effect while `deadLetter` is "stop". Remove one of them.',
    ],
    [
      'dead letters that come again',
      { dlqTopic: 'tasks' },
      '`TaskWorker.dlqTopic` is the topic that it reads, so what is given up would come again for ever. Name another.',
    ],
    [
      'a bound of deliveries where nobody counts them',
      { maxDeliveries: 3 },
      '`TaskWorker.maxDeliveries` has no effect while its broker does not count deliveries. Remove it.',
    ],
    [
      'exactlyOnce without results',
      { exactlyOnce: true, broker: 'kafka' },
      '`TaskWorker.exactlyOnce` is true, and there is no `outputTopic`: it is about results, not about what the handler does elsewhere. Name one, or remove it.',
    ],
    [
      'exactlyOnce where there are no transactions',
      { exactlyOnce: true, outputTopic: 'results', broker: 'redis' },
      '`TaskWorker.exactlyOnce` is true, and connection `redis` has no transactions. Read from Kafka, or remove it.',
    ],
    [
      'an interval of no transactions',
      { transactionIntervalMs: 50 },
      '`TaskWorker.transactionIntervalMs` has no effect while `exactlyOnce` is false. Set `exactlyOnce: true`, or remove it.',
    ],
  ])('%s', async (_what, options, fault) => {
    expect(await faultsOf({ options: memory, providers: [workerWith(options)] })).toContain(fault);
  });

  it('no group anywhere', async () => {
    expect(await faultsOf({ options: { ...memory, groupId: undefined }, providers: [workerWith({})] })).toEqual([
      'Handler `TaskWorker` has no consumer group. Set `groupId` there or in MessagingModule.forRoot, or MESSAGING_GROUP_ID.',
    ]);
  });

  it('a consumer with an output topic', async () => {
    @Injectable()
    class Audit {
      @Consumer({ topic: 'tasks', outputTopic: 'x' } as never)
      async onTask() {}
    }
    const [fault] = await faultsOf({ options: memory, providers: [Audit] });
    expect(fault).toMatch(/^Unknown option `Audit.onTask.outputTopic`/);
  });

  it('a time to acknowledge for a handler that does not do so by itself', async () => {
    @Injectable()
    class Audit {
      @Consumer({ topic: 'tasks', ackTimeoutMs: 5 })
      async onTask() {}
    }
    expect(await faultsOf({ options: memory, providers: [Audit] })).toEqual([
      "`Audit.onTask.ackTimeoutMs` has no effect while `ack` is 'auto'. Set `ack: 'manual'`, or remove it.",
    ]);
  });

  it('exactlyOnce on a connection that reads what is aborted', async () => {
    const options = { broker: 'kafka', kafka: { isolationLevel: 'read_uncommitted' } } as const;
    const providers = [workerWith({ exactlyOnce: true, outputTopic: 'results', groupId: 'g' })];
    expect(await faultsOf({ options, providers })).toContain(
      "`TaskWorker.exactlyOnce` is true, and connection `kafka` has `isolationLevel` 'read_uncommitted', which also reads what is aborted. Set 'read_committed', or remove it.",
    );
  });

  it('manual acknowledgement of a worker', async () => {
    const [fault] = await faultsOf({ options: memory, providers: [workerWith({ ack: 'manual' })] });
    expect(fault).toMatch(/^Unknown option `TaskWorker.ack`/);
  });

  it('a class with @Worker that is no WorkerHost', async () => {
    class Plain {}
    Worker({ topic: 'tasks' })(Plain as never); // the compiler refuses it
    expect(await faultsOf({ options: memory, providers: [Plain] })).toEqual([
      'Class `Plain` has @Worker but does not extend `WorkerHost`. Extend it, or put @Worker on the method that handles messages.',
    ]);
  });

  it('two handlers that would share the messages of a group', async () => {
    const fault =
      'Handlers `A` and `B` both read topic `tasks` of memory as group `test-group`: each would get a part of the messages. Give one another `groupId`, or make them one handler.';
    expect(await faultsOf({ options: memory, providers: [workerWith({}, 'A'), workerWith({}, 'B')] })).toEqual([fault]);
  });

  it('two handlers of one name', async () => {
    const [fault] = await faultsOf({
      options: memory,
      providers: [workerWith({ name: 'Same' }, 'A'), workerWith({ name: 'Same', topic: 'other' }, 'B')],
    });
    expect(fault).toMatch(
      /^Two handlers are named `Same`: A in TestAppModule and B in TestAppModule\. Provide the class in one module, or set `name`\.$/,
    );
  });

  it('a class that two modules provide', async () => {
    const shared = workerWith({});
    @Module({ providers: [shared] })
    class Second {}
    const [fault] = await faultsOf({ options: memory, providers: [shared], imports: [Second] });
    expect(fault).toMatch(/^Two handlers are named `TaskWorker`: TaskWorker in \w+ and TaskWorker in \w+\./);
  });

  it('overrides for a handler that is not there, and wrong ones', async () => {
    const handlers = { TaskWorkr: { concurrency: 2 }, TaskWorker: { concurrency: -1 } };
    expect(await faultsOf({ options: { ...memory, handlers }, providers: [workerWith({})] })).toEqual([
      'Expected `handlers.TaskWorker.concurrency` to be an integer ≥ 1, got `-1` (number).',
      'Unknown option `handlers.TaskWorkr`, did you mean `TaskWorker`?',
    ]);
  });

  it.each<[string, TopicRef, string]>([
    [
      'a name that its broker does not take',
      'a b',
      'Expected `topic of @Producer at Publishing.publish in TestAppModule` to be a topic name of letters, digits, `.`, `_` and `-`, at most 249, got `a b` (string).',
    ],
    [
      'a state without a key',
      { topicName: 'state', cleanupPolicy: 'compact' },
      '@Producer at Publishing.publish in TestAppModule has no `key`, and its topic `state` keeps the newest message of each key. Set `key` to a function of the message.',
    ],
    [
      'a topic class that cannot work',
      { topicName: 'a', cleanupPolicy: 'delete', partitions: 0 },
      'Expected `partitions` of topic `a` to be an integer ≥ 1, got `0` (number).',
    ],
  ])('a method with @Producer and %s', async (_what, topic, fault) => {
    @Injectable()
    class Publishing {
      @Producer({ topic: topic as 'any' })
      async publish() {
        return {};
      }
    }
    const kafka = { kafka: { bootstrapServers: 'localhost:1' } };
    expect(await faultsOf({ options: kafka, providers: [Publishing] })).toEqual([fault]);
  });

  it('two topic classes of one name', async () => {
    class One extends EventTopic {
      static readonly topicName = 'same';
    }
    class Two extends EventTopic {
      static readonly topicName = 'same';
    }
    const imports = [MessagingModule.forFeature([One]), MessagingModule.forFeature([Two])];
    expect(await faultsOf({ options: memory, imports })).toEqual([
      'Two topic classes are named `same`. Declare it once.',
    ]);
  });

  it('all faults of options and handlers together', async () => {
    const options = { ...memory, shutdownTimeoutMs: -1 };
    expect(await faultsOf({ options, providers: [workerWith({ concurrency: 0, ordering: 'fifo' })] })).toHaveLength(3);
  });

  it('a second forRoot', async () => {
    @Module({ imports: [MessagingModule.forRoot({ broker: 'memory', groupId: 'b' })] })
    class Second {}
    expect(await faultsOf({ options: memory, imports: [Second] })).toEqual([
      'MessagingModule.forRoot is imported twice. Import it once, in the root module; name further brokers in `connections`.',
    ]);
  });

  it('nothing, when everything is right', async () => {
    @Controller()
    class Fine {
      @Worker({ topic: 'a', outputTopic: 'b', groupId: 'g' })
      async onA() {}
    }
    expect(
      await faultsOf({ options: { ...memory, handlers: { 'Fine.onA': { concurrency: 3 } } }, controllers: [Fine] }),
    ).toEqual([]);
  });
});

describe('forRootAsync', () => {
  it('tells the faults of what its factory made', async () => {
    const root = MessagingModule.forRootAsync({ useFactory: async () => ({ broker: 'memory', maxPendingBytes: 0 }) });
    const module = await Test.createTestingModule({ imports: [root] }).compile();
    await expect(module.init()).rejects.toThrow(
      'Messaging cannot start: Expected `maxPendingBytes` to be an integer ≥ 1, got `0` (number).',
    );
  });
});
