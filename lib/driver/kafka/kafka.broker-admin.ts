import { sleep } from '../../core/clock.js';
import { BrokerError, UnknownTopicError } from '../../core/errors.js';
import {
  withinLog,
  type BrokerAdmin,
  type GroupDetails,
  type PartitionDetails,
  type PartitionPosition,
  type PositionTarget,
  type ReadRequest,
  type ReadSink,
  type ServerDetails,
  type TopicDetails,
  type TopicReader,
} from '../broker-admin.js';
import type { DriverContext } from '../driver.js';
import type { AdminClient } from './admin-client.js';
import { KafkaGroups } from './kafka.groups.js';

const POLL_MS = 100;
const POLLS = 100;

/** Kafka, as people and tools look at it, whichever client asks. */
export class KafkaBrokerAdmin implements BrokerAdmin {
  private readonly groups: KafkaGroups;

  constructor(
    private readonly client: AdminClient,
    private readonly context: DriverContext,
  ) {
    this.groups = new KafkaGroups(client, context);
  }

  listServers(): Promise<readonly ServerDetails[]> {
    return this.client.servers();
  }

  async listTopics(): Promise<readonly string[]> {
    return (await this.client.topics()).toSorted();
  }

  async describeTopic(topic: string): Promise<TopicDetails> {
    const partitions = await this.client.partitions(topic);
    return { topic, partitions, configs: await this.client.configs(topic) };
  }

  async alterTopic(topic: string, configs: Readonly<Record<string, string | null>>): Promise<void> {
    await this.client.partitions(topic);
    const all = { ...(await this.client.configs(topic)), ...configs };
    const wanted = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null)) as TopicDetailsConfigs;
    await this.client.setConfigs(topic, wanted);
    await this.until(`The settings of topic \`${topic}\` are not seen`, async () => {
      const now = { ...(await this.client.configs(topic)) };
      return Object.entries(configs).every(([name, value]) => (now[name] ?? null) === value);
    });
  }

  /** A client may repeat the deletion of an unknown topic until it gives up, so its existence is asked for first. */
  async deleteTopic(topic: string): Promise<void> {
    await this.client.partitions(topic);
    await this.client.deleteTopic(topic);
    await this.until(`Topic \`${topic}\` is deleted, but is still listed`, () => this.isGone(topic));
  }

  async addPartitions(topic: string, count: number): Promise<void> {
    await this.client.addPartitions(topic, count);
    await this.until(`The new partitions of topic \`${topic}\` have no leaders`, async () => {
      const partitions = await this.client.partitions(topic).catch(noneIfRetryable);
      return partitions.length >= count;
    });
  }

  listGroups(): Promise<readonly string[]> {
    return this.groups.list();
  }

  describeGroup(groupId: string): Promise<GroupDetails> {
    return this.groups.describe(groupId);
  }

  async positionsAt(topic: string, target: PositionTarget): Promise<readonly PartitionPosition[]> {
    const partitions = await this.client.partitions(topic);
    if ('time' in target) return this.client.offsetsAt(topic, target.time);
    return partitions.map((one) => ({ partition: one.partition, offset: offsetAt(one, target) }));
  }

  async seek(
    groupId: string,
    topic: string,
    positions: readonly PartitionPosition[],
  ): Promise<readonly PartitionPosition[]> {
    await this.client.partitions(topic);
    return this.groups.seek(groupId, topic, positions);
  }

  deleteGroup(groupId: string): Promise<void> {
    return this.groups.delete(groupId);
  }

  read(request: ReadRequest, sink: ReadSink): TopicReader {
    return this.client.read(request, sink);
  }

  private async isGone(topic: string): Promise<boolean> {
    try {
      await this.client.partitions(topic);
      return false;
    } catch (error) {
      if (error instanceof UnknownTopicError) return true;
      if ((error as BrokerError).retryable) return false;
      throw error;
    }
  }

  /** The controller answers before the brokers know of it. @throws BrokerError after 10 s. */
  private async until(text: string, holds: () => Promise<boolean>): Promise<void> {
    const { clock, connection } = this.context;
    for (let poll = 0; poll < POLLS; poll++) {
      if (await holds()) return;
      await sleep(clock, POLL_MS);
    }
    throw new BrokerError(`${text} after ${POLLS * POLL_MS} ms. Look at the brokers' log.`, {
      connection,
      retryable: true,
    });
  }
}

type TopicDetailsConfigs = NonNullable<TopicDetails['configs']>;

/** Partitions that are new have no leader for a moment. */
function noneIfRetryable(error: unknown): [] {
  if ((error as BrokerError).retryable) return [];
  throw error;
}

function offsetAt(details: PartitionDetails, target: Exclude<PositionTarget, { readonly time: number }>): string {
  if ('offset' in target) return withinLog(target.offset, details);
  return target.at === 'earliest' ? details.start : details.end;
}
