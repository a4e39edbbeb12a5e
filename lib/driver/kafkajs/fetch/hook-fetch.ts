import type { TopicPartition } from '../../kafka/group-member.js';
import {
  type FetchedPartition,
  type FetchRequest,
  type FetchResponse,
  type KafkajsBroker,
  type StandIn,
  withQuestions,
} from '../kafkajs.internals.js';
import { decodeFetch, type DecodedFetch, type DecodedPartition, type FetchBound } from './decode-fetch.js';
import { FetchedRecords } from './fetched-records.js';

export interface FetchHooks {
  /** @throws when the member is over: kafkajs would go on by itself. */
  assertAlive(): void;
  /** Awaited before each fetch. */
  beforeFetch(): Promise<void>;
  /** Counts up with each join: what was fetched under an older one is dropped. */
  generation(): number;
  /** How long a broker may wait for messages, in ms. */
  maxWaitMs(): number;
  /** How large a batch may become when it is decompressed. */
  readonly bound: FetchBound;
  /** The first offset to hand over of what was asked for from `asked` on; undefined when it is to be fetched again. */
  next(from: TopicPartition, asked: number): number | undefined;
  /** The log was read up to `next`; kafkajs hears of it a dozen promises later. False when it is to be fetched again. */
  handOver(from: TopicPartition, next: number, records: FetchedRecords): boolean;
}

interface Asked {
  readonly request: FetchRequest;
  readonly generation: number;
  readonly hooks: FetchHooks;
}

/**
 * Mends faults of kafkajs' fetch: records are decoded here (`decodeFetch`); a fetch that was under way while another of its fetchers
 * rejoined the group is handed over under the new assignment, which would skip what lies between; and it waits as long, whether a
 * resume is likely or not.
 */
export function hookFetch(broker: KafkajsBroker, hooks: FetchHooks): void {
  const { fetch } = broker;
  broker.fetch = async (request) => {
    hooks.assertAlive();
    const asked = { request, generation: hooks.generation(), hooks };
    await hooks.beforeFetch();
    const asker = withQuestions(broker, (ask) => (params) => {
      const question = ask(params);
      const { apiVersion } = question.request;
      const decode = async (answer: Buffer) => handOver(await decodeFetch(answer, apiVersion, hooks.bound), asked);
      return { ...question, response: { ...question.response, decode } };
    });
    return fetch.call(asker, { ...request, maxWaitTime: hooks.maxWaitMs() });
  };
}

/** What is decoded goes to the member, and kafkajs gets what it moves on by. */
function handOver({ clientSideThrottleTime, responses }: DecodedFetch, asked: Asked): FetchResponse {
  if (asked.generation !== asked.hooks.generation()) return { clientSideThrottleTime, responses: [] };
  return {
    clientSideThrottleTime,
    responses: responses.map(({ topicName, partitions }) => ({
      topicName,
      partitions: partitions.map((one) => handOverPartition(topicName, one, asked)),
    })),
  };
}

function handOverPartition(
  topic: string,
  one: DecodedPartition,
  { request, generation, hooks }: Asked,
): FetchedPartition {
  const from = { topic, partition: one.partition };
  const asked = askedFrom(request, from);
  if (one.lastOffset === undefined || one.lastOffset < asked) return toStandIn(one);
  const next = hooks.next(from, asked);
  const records = new FetchedRecords(one.batches, next ?? asked);
  const isHandedOver = next !== undefined && hooks.handOver(from, one.lastOffset + 1, records);
  return toStandIn(one, { offset: String(one.lastOffset), generation, records, isHandedOver });
}

/** kafkajs gets one message in place of all, also where nothing was to hand over: by it the member moves kafkajs on. */
function toStandIn(
  { partition, errorCode, highWatermark, preferredReadReplica }: DecodedPartition,
  ...messages: readonly StandIn[]
): FetchedPartition {
  return { partition, errorCode, highWatermark, preferredReadReplica, messages, abortedTransactions: [] };
}

function askedFrom({ topics }: FetchRequest, { topic, partition }: TopicPartition): number {
  const asked = topics.find((one) => one.topic === topic)?.partitions.find((one) => one.partition === partition);
  return Number(asked?.fetchOffset ?? 0);
}
