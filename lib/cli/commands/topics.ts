import { UnknownTopicError } from '../../core/errors.js';
import type { PartitionDetails } from '../../driver/broker-admin.js';
import { withBroker } from '../broker/open-broker.js';
import { defineCommand } from '../command/command.js';
import { brokerOptions, json, yes } from '../command/common-options.js';
import { flag, integer, pairs } from '../command/readers.js';
import { CommandError, UsageError } from '../exit-code.js';
import type { Column } from '../terminal/table.js';

export const topics = defineCommand({
  name: 'topics',
  places: ['kafka', 'redis'],
  summary: 'list the topics: partitions and messages',
  args: '',
  options: { ...brokerOptions, internal: flag('--internal', "show the broker's own topics too"), json },
  examples: ['topics', 'topics --json | jq -r .topic'],
  async run({ options, terminal, ...call }) {
    await withBroker({ ...call, options, terminal }, async ({ admin }) => {
      const names = (await admin.listTopics()).filter((name) => options.internal || !name.startsWith('__'));
      const found = await Promise.all(names.map((name) => admin.describeTopic(name).catch(ifGone)));
      const rows = found.flatMap((one) =>
        one ? [{ topic: one.topic, partitions: one.partitions.length, messages: messagesIn(one.partitions) }] : [],
      );
      if (rows.length === 0 && !options.json) return terminal.tell('There are no topics.');
      await terminal.rows(
        rows,
        [
          { title: 'topic', value: ({ topic }) => topic },
          { title: 'partitions', value: ({ partitions }) => partitions, align: 'right' },
          { title: 'messages', value: ({ messages }) => messages, align: 'right' },
        ],
        options,
      );
    });
  },
});

export const describeTopic = defineCommand({
  name: 'describe-topic',
  places: ['kafka', 'redis'],
  summary: 'show a topic: its partitions, where they lie, and its settings',
  args: '<topic>',
  options: { ...brokerOptions, json },
  examples: ['describe-topic orders'],
  async run({ args: [topic = ''], options, terminal, ...call }) {
    await withBroker({ ...call, options, terminal }, async ({ admin }) => {
      const found = await admin.describeTopic(topic);
      if (options.json) return terminal.printJson(found);
      await terminal.rows(
        found.partitions,
        [
          { title: 'partition', value: ({ partition }) => partition, align: 'right' },
          { title: 'start', value: ({ start }) => start, align: 'right' },
          { title: 'end', value: ({ end }) => end, align: 'right' },
          { title: 'messages', value: ({ messages }) => messages, align: 'right' },
          ...(found.partitions.some(({ leader }) => leader !== undefined) ? SERVER_COLUMNS : []),
        ],
        {},
      );
      if (!found.configs) return terminal.tell('Settings are not shown: this client cannot see them without kafkajs.');
      for (const [name, value] of Object.entries(found.configs)) await terminal.print(`${name}=${value}`);
    });
  },
});

/** Where the broker has several servers. */
const SERVER_COLUMNS: readonly Column<PartitionDetails>[] = [
  { title: 'leader', value: ({ leader }) => leader, align: 'right' },
  { title: 'replicas', value: ({ replicas }) => replicas?.join(',') },
  { title: 'in sync', value: ({ inSync }) => inSync?.join(',') },
];

export const createTopic = defineCommand({
  name: 'create-topic',
  places: ['kafka', 'redis'],
  summary: 'create a topic',
  details:
    'What is left out is the default of the broker. An existing topic is left alone, and is an error without --if-not-exists.',
  args: '<topic>',
  options: {
    ...brokerOptions,
    partitions: integer('-p, --partitions <n>', 'number of partitions', 1),
    replicationFactor: { ...integer('-r, --replication-factor <n>', 'copies of each partition', 1), place: 'kafka' },
    config: {
      ...pairs('-c, --config <name=value>', 'a setting of the topic, by its Kafka name; may be repeated'),
      place: 'kafka',
    },
    ifNotExists: flag('--if-not-exists', 'an existing topic is fine'),
    json,
  },
  examples: ['create-topic orders --partitions 3', 'create-topic state -p 6 -r 3 -c cleanup.policy=compact'],
  async run({ args: [topic = ''], options, terminal, ...call }) {
    const { partitions, replicationFactor, config = [] } = options;
    await withBroker({ ...call, options, terminal }, async ({ driver }) => {
      const [existing] = await driver.admin.describe([topic]);
      if (existing && !options.ifNotExists)
        throw new CommandError(
          `Topic \`${topic}\` exists already, with ${existing.partitions} partitions. Leave it, or add --if-not-exists.`,
        );
      if (!existing)
        await driver.admin.create([{ topic, partitions, replicationFactor, configs: Object.fromEntries(config) }]);
      const [found] = await driver.admin.describe([topic]);
      if (options.json) await terminal.printJson({ topic, partitions: found?.partitions, created: !existing });
      terminal.tell(`${existing ? 'Kept' : 'Created'} topic ${topic} with ${found?.partitions} partitions.`);
    });
  },
});

export const deleteTopic = defineCommand({
  name: 'delete-topic',
  places: ['kafka', 'redis'],
  summary: 'delete a topic with all its messages',
  args: '<topic>',
  options: { ...brokerOptions, yes, json },
  examples: ['delete-topic orders-old', 'delete-topic orders-old --yes'],
  async run({ args: [topic = ''], options, terminal, ...call }) {
    await withBroker({ ...call, options, terminal }, async ({ admin, name }) => {
      const { partitions } = await admin.describeTopic(topic);
      const question = `Delete topic ${topic} of ${name} with ${messagesIn(partitions)} messages?`;
      const deleted = await terminal.confirm(question, options.yes);
      if (deleted) await admin.deleteTopic(topic);
      if (options.json) await terminal.printJson({ topic, deleted });
      terminal.tell(deleted ? `Deleted topic ${topic}.` : 'Nothing was deleted.');
    });
  },
});

export const addPartitions = defineCommand({
  name: 'add-partitions',
  places: ['kafka'],
  summary: 'give a topic more partitions',
  details:
    'Keys move to other partitions: messages of one key sent before and after lie in two, and their order is lost between them.',
  args: '<topic>',
  options: {
    ...brokerOptions,
    partitions: integer('-p, --partitions <n>', 'how many it then has in all', 1),
    yes,
    json,
  },
  examples: ['add-partitions orders --partitions 12'],
  async run({ args: [topic = ''], options, terminal, ...call }) {
    const { partitions: count } = options;
    if (count === undefined) throw new UsageError('--partitions is missing: how many the topic then has in all.');
    await withBroker({ ...call, options, terminal }, async ({ admin }) => {
      const { partitions } = await admin.describeTopic(topic);
      const question = `Raise ${topic} from ${partitions.length} to ${count} partitions? Keys move, and it cannot be undone.`;
      const changed = await terminal.confirm(question, options.yes);
      if (changed) await admin.addPartitions(topic, count);
      if (options.json) await terminal.printJson({ topic, partitions: changed ? count : partitions.length });
      terminal.tell(changed ? `Topic ${topic} has ${count} partitions.` : 'Nothing was changed.');
    });
  },
});

export function messagesIn(partitions: readonly PartitionDetails[]): number {
  return partitions.reduce((sum, { messages }) => sum + messages, 0);
}

/** Deleted between the list and the question. */
function ifGone(error: unknown): undefined {
  if (error instanceof UnknownTopicError) return undefined;
  throw error;
}
