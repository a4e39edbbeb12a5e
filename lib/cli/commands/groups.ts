import { UnknownGroupError } from '../../core/errors.js';
import type { GroupDetails, GroupPartition, PositionTarget } from '../../driver/broker-admin.js';
import { withBroker } from '../broker/open-broker.js';
import { position } from '../broker/positions.js';
import { defineCommand, type CliValues } from '../command/command.js';
import { brokerOptions, json, yes } from '../command/common-options.js';
import { flag, integer, text } from '../command/readers.js';
import { UsageError } from '../exit-code.js';

export const groups = defineCommand({
  name: 'groups',
  places: ['kafka', 'redis'],
  summary: 'list the consumer groups: state, members and lag',
  details:
    'A lag of `-` is not known: the group has no position in some partition. Members of `-` cannot be seen by this client.',
  args: '',
  options: { ...brokerOptions, json },
  examples: ['groups'],
  async run({ options, terminal, ...call }) {
    await withBroker({ ...call, options, terminal }, async ({ admin }) => {
      const found = await Promise.all(
        (await admin.listGroups()).map((groupId) => admin.describeGroup(groupId).catch(ifGone)),
      );
      const rows = found.flatMap((one) => (one ? [summaryOf(one)] : []));
      if (rows.length === 0 && !options.json) return terminal.tell('There are no groups.');
      await terminal.rows(
        rows,
        [
          { title: 'group', value: ({ groupId }) => groupId },
          { title: 'state', value: ({ state }) => state },
          { title: 'members', value: ({ members }) => members, align: 'right' },
          { title: 'lag', value: ({ lag }) => lag, align: 'right' },
          { title: 'topics', value: ({ topics }) => topics.join(', ') },
        ],
        options,
      );
    });
  },
});

export const describeGroup = defineCommand({
  name: 'group describe',
  places: ['kafka', 'redis'],
  summary: 'show where a group is in each partition, and who reads it',
  args: '<group>',
  options: { ...brokerOptions, json },
  examples: ['group describe billing'],
  async run({ args: [groupId = ''], options, terminal, ...call }) {
    await withBroker({ ...call, options, terminal }, async ({ admin }) => {
      const group = await admin.describeGroup(groupId);
      if (options.json) return terminal.printJson(group);
      const { lag, members } = summaryOf(group);
      terminal.tell(`Group ${groupId}: ${group.state}, ${members ?? 'unknown'} members, lag ${lag ?? 'unknown'}.`);
      await terminal.rows(
        group.partitions,
        [
          { title: 'topic', value: ({ topic }) => topic },
          { title: 'partition', value: ({ partition }) => partition, align: 'right' },
          { title: 'position', value: ({ position: own }) => own, align: 'right' },
          { title: 'end', value: ({ end }) => end, align: 'right' },
          { title: 'lag', value: (one) => one.lag, align: 'right' },
          { title: 'member', value: ({ member }) => member },
        ],
        {},
      );
    });
  },
});

const seekOptions = {
  ...brokerOptions,
  to: position('--to <position>', 'where the group is to go on'),
  partition: integer('--partition <n>', 'this partition only'),
  topic: text('-t, --topic <topic>', 'the topic'),
  dryRun: flag('--dry-run', 'only show what would change; this is what happens without --execute'),
  execute: flag('--execute', 'move the group'),
  yes,
  json,
} as const;

export const seekGroup = defineCommand({
  name: 'group seek',
  places: ['kafka', 'redis'],
  summary: 'move a group that nobody is a member of to another position',
  details:
    'Without --execute nothing is changed. An offset outside of the log becomes its nearest end; what the broker then has is read back.',
  args: '<group>',
  options: seekOptions,
  examples: [
    'group seek billing --topic orders --to beginning',
    'group seek billing --topic orders --to 2026-01-31T12:00Z --execute --yes',
    'group seek billing --topic orders --partition 2 --to 1042 --execute',
  ],
  async run({ args: [groupId = ''], options, terminal, ...call }) {
    const { topic, to } = wanted(options);
    await withBroker({ ...call, options, terminal }, async ({ admin }) => {
      const targets = await admin.positionsAt(topic, to);
      const chosen = targets.filter(({ partition }) => partition === (options.partition ?? partition));
      if (chosen.length === 0)
        throw new UsageError(
          `Topic \`${topic}\` has no partition ${options.partition}, only 0 to ${targets.length - 1}.`,
        );
      const now = (await admin.describeGroup(groupId).catch(ifGone))?.partitions ?? [];
      const rows = chosen.map(({ partition, offset }) => ({
        topic,
        partition,
        from: at(now, topic, partition),
        to: offset,
      }));
      await terminal.rows(
        rows,
        [
          { title: 'topic', value: (row) => row.topic },
          { title: 'partition', value: ({ partition }) => partition, align: 'right' },
          { title: 'from', value: ({ from }) => from, align: 'right' },
          { title: 'to', value: (row) => row.to, align: 'right' },
        ],
        options,
      );
      if (!options.execute) return terminal.tell('Nothing was changed. Add --execute to move the group.');
      if (!(await terminal.confirm(`Move group ${groupId}?`, options.yes)))
        return terminal.tell('Nothing was changed.');
      await admin.seek(groupId, topic, chosen);
      terminal.tell(`Moved group ${groupId}, and read its ${chosen.length} positions back.`);
    });
  },
});

function wanted({ topic, to, dryRun, execute }: CliValues<typeof seekOptions>): { topic: string; to: PositionTarget } {
  if (topic === undefined) throw new UsageError('--topic is missing: the topic in which the group is moved.');
  if (to === undefined) throw new UsageError('--to is missing: beginning, end, a time, an age or an offset.');
  if (dryRun && execute) throw new UsageError('--dry-run and --execute exclude each other. Leave one out.');
  return { topic, to };
}

function summaryOf({ groupId, state, members, partitions }: GroupDetails) {
  const topics = [...new Set(partitions.map(({ topic }) => topic))];
  const lags = partitions.map(({ lag }) => lag);
  const lag = lags.includes(null) ? null : lags.reduce<number>((sum, one) => sum + (one ?? 0), 0);
  return { groupId, state, members, lag, topics };
}

function at(partitions: readonly GroupPartition[], topic: string, partition: number): string | null {
  return partitions.find((one) => one.topic === topic && one.partition === partition)?.position ?? null;
}

/** It ended between two questions, or has never begun. */
function ifGone(error: unknown): undefined {
  if (error instanceof UnknownGroupError) return undefined;
  throw error;
}
