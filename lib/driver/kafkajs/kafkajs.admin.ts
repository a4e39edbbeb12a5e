import type { Admin, Kafka, PartitionMetadata } from 'kafkajs';
import { sleep } from '../../core/clock.js';
import { BrokerUnavailableError, MessagingError, UnknownTopicError } from '../../core/errors.js';
import type { DriverContext, TopicAdmin, TopicDescription, TopicSettings, TopicSpec } from '../driver.js';
import { groupBy } from '../../core/group-by.js';
import type { TopicConfigs } from '../kafka/admin-client.js';
import type { Position, TopicPartition } from '../kafka/group-member.js';
import { closedAdmin } from '../closed-connection.js';
import { AdminSession } from './admin-session.js';
import { isUnknownTopic, toMessagingError } from './kafkajs.errors.js';

/** Of the protocol. kafkajs' own names for them are not there when Node imports it as an ES module: it does not find them in the CommonJS. */
const TOPIC_RESOURCE = 2;
const SET_ON_TOPIC = 1;
const LEADER_POLL_MS = 100;
const LEADER_POLLS = 100;

export class KafkajsAdmin implements TopicAdmin {
  private session: AdminSession | undefined;
  private isClosed = false;

  constructor(
    private readonly client: Kafka,
    private readonly context: DriverContext,
  ) {}

  async describe(topics: readonly string[]): Promise<readonly TopicDescription[]> {
    const all = await Promise.all([...new Set(topics)].map((topic) => this.describeOne(topic)));
    return all.filter((found) => found !== undefined);
  }

  async create(specs: readonly TopicSpec[]): Promise<void> {
    if (specs.length === 0) return;
    await this.ask(undefined, (admin) =>
      admin.createTopics({ topics: specs.map(toTopicConfig), waitForLeaders: false }),
    );
    for (const { topic } of specs) await this.waitForLeaders(topic);
  }

  async settings(topics: readonly string[]): Promise<readonly TopicSettings[]> {
    const found = await this.effective(topics, ['retention.ms', 'cleanup.policy']);
    return [...found].map(([topic, values]) => ({
      topic,
      retentionMs: Number(values.get('retention.ms')),
      cleanupPolicy: values.get('cleanup.policy'),
    }));
  }

  /** What counts for each of these topics, the broker's defaults included. */
  async effective(
    topics: readonly string[],
    configNames: string[],
  ): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
    const resources = topics.map((name) => ({ type: TOPIC_RESOURCE, name, configNames }));
    const about = topics.length === 1 ? topics[0] : undefined;
    const answer = await this.ask(about, (admin) => admin.describeConfigs({ resources, includeSynonyms: false }));
    return new Map(
      answer.resources.map(({ resourceName, configEntries }) => [
        resourceName,
        new Map(configEntries.map(({ configName, configValue }) => [configName, configValue])),
      ]),
    );
  }

  /** Settings of a topic that somebody made. */
  async configs(topic: string): Promise<TopicConfigs> {
    const resources = [{ type: TOPIC_RESOURCE, name: topic }];
    const answer = await this.ask(topic, (admin) => admin.describeConfigs({ resources, includeSynonyms: false }));
    const entries = answer.resources.flatMap(({ configEntries }) => configEntries);
    const own = entries.filter(({ configSource }) => (configSource as number) === SET_ON_TOPIC);
    return Object.fromEntries(own.map(({ configName, configValue }) => [configName, configValue]));
  }

  /** Makes these the topic's settings, in place of all that it has. */
  async setConfigs(topic: string, configs: TopicConfigs): Promise<void> {
    const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }));
    const resources = [{ type: TOPIC_RESOURCE, name: topic, configEntries }];
    await this.ask(topic, (admin) => admin.alterConfigs({ validateOnly: false, resources }));
  }

  /** How many partitions a topic has. @throws UnknownTopicError within 5 s. */
  async partitionsOf(topic: string): Promise<number> {
    return (await this.metadataOf(topic)).length;
  }

  /** Its partitions. kafkajs asks for this topic alone, so a refusal speaks of it, and not of another. @throws UnknownTopicError */
  async metadataOf(topic: string): Promise<readonly PartitionMetadata[]> {
    const { topics } = await this.ask(topic, (admin) =>
      admin.fetchTopicMetadata({ topics: [topic] }).catch(noneIfUnknown),
    );
    const [{ partitions } = NO_PARTITIONS] = topics;
    if (partitions.length === 0) throw new UnknownTopicError(topic, { connection: this.context.connection });
    return partitions;
  }

  /** Where the logs of a topic begin and end. @throws BrokerError, retryable, when kafkajs was asked about another topic meanwhile, and forgot this one. */
  offsets(topic: string): Promise<readonly TopicOffset[]> {
    return this.ask(topic, (admin) => admin.fetchTopicOffsets(topic));
  }

  /** Where these logs end for a reader of committed messages. */
  async ends(partitions: readonly TopicPartition[]): Promise<Position[]> {
    const topics = [...groupBy(partitions, ({ topic }) => topic)];
    const answers = topics.map(async ([topic, asked]) => {
      const ends = await this.offsets(topic);
      const wanted = ends.filter((end) => asked.some(({ partition }) => partition === end.partition));
      return wanted.map(({ partition, high }) => ({ topic, partition, offset: high }));
    });
    return (await Promise.all(answers)).flat();
  }

  async close(): Promise<void> {
    const { session } = this;
    this.isClosed = true;
    this.session = undefined;
    await session?.close();
  }

  private async describeOne(topic: string): Promise<TopicDescription | undefined> {
    try {
      return { topic, partitions: await this.partitionsOf(topic) };
    } catch (error) {
      if (error instanceof UnknownTopicError) return undefined;
      throw error;
    }
  }

  /**
   * Until every leader answers for its log: metadata may name a leader that does not serve the partition yet, and a request to it is
   * repeated as a whole, with what another partition has written already (seen on Kafka 4.1 under load).
   * @throws BrokerUnavailableError after 10 s.
   */
  private async waitForLeaders(topic: string): Promise<void> {
    for (let poll = 0; poll < LEADER_POLLS; poll++) {
      if (await this.hasLeaders(topic)) return;
      await sleep(this.context.clock, LEADER_POLL_MS);
    }
    const text = `Topic \`${topic}\` was created, but has no leaders after ${LEADER_POLLS * LEADER_POLL_MS} ms. Look at the brokers' log.`;
    throw new BrokerUnavailableError(text, { connection: this.context.connection, topic });
  }

  private async hasLeaders(topic: string): Promise<boolean> {
    try {
      await this.offsets(topic);
      return true;
    } catch (error) {
      if (error instanceof UnknownTopicError || (error as MessagingError).retryable) return false;
      throw error;
    }
  }

  /**
   * One question to the cluster. After an answer that never came the next one goes over a connection made anew. So does one that was
   * refused for an unknown topic: for most questions kafkajs asks for all topics that a client was ever asked about, and one that is gone fails them all.
   * A client made anew hears what an old one keeps back.
   * @throws ClosedError for one that would connect anew after the end
   */
  async ask<Answer>(topic: string | undefined, question: (admin: Admin) => Promise<Answer>): Promise<Answer> {
    for (let isAgain = false; ; isAgain = true) {
      if (this.isClosed) throw closedAdmin(this.context.connection);
      const session = (this.session ??= new AdminSession(this.client.admin()));
      try {
        return await session.ask(question);
      } catch (thrown) {
        const error = toMessagingError(thrown, { connection: this.context.connection, topic });
        const isOutdated = isUnknownTopic(thrown) || isKeptBack(thrown);
        if (isOutdated) this.replace(session, () => session.end());
        const isAway = error instanceof BrokerUnavailableError && !(thrown instanceof TypeError);
        if (session.hasFailed || isAway) this.replace(session, () => session.close()); // others hang with it
        if (!isOutdated || isAgain) throw error;
      }
    }
  }

  private replace(session: AdminSession, leave: () => Promise<void>): void {
    if (this.session !== session) return;
    this.session = undefined;
    leave().catch((error: Error) => this.context.log.debug(`replaced admin client: ${error.message}`));
  }
}

type TopicOffset = Awaited<ReturnType<Admin['fetchTopicOffsets']>>[number];

const NO_PARTITIONS: { readonly partitions: readonly PartitionMetadata[] } = { partitions: [] };

function noneIfUnknown(thrown: unknown): { topics: [] } {
  if (!isUnknownTopic(thrown)) throw thrown;
  return { topics: [] };
}

/** Of a topic that it knew kafkajs keeps a broker's refusal to itself, as if no broker had answered, and stumbles over that. */
function isKeptBack(thrown: unknown): boolean {
  return thrown instanceof TypeError && thrown.message.includes('topicMetadata');
}

function toTopicConfig(spec: TopicSpec) {
  const { topic, partitions = -1, replicationFactor = -1, retentionMs, cleanupPolicy, configs = {} } = spec;
  const configEntries = [
    ...(retentionMs === undefined ? [] : [{ name: 'retention.ms', value: String(retentionMs) }]),
    ...(cleanupPolicy === undefined ? [] : [{ name: 'cleanup.policy', value: cleanupPolicy }]),
    ...Object.entries(configs).map(([name, value]) => ({ name, value })),
  ];
  return { topic, numPartitions: partitions, replicationFactor, configEntries };
}
