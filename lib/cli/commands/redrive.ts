import { UnknownGroupError } from '../../core/errors.js';
import { compareOffsets } from '../../core/offset.js';
import type { BrokerAdmin, PartitionPosition } from '../../driver/broker-admin.js';
import { filterOptions, progressGroupOf } from '../broker/dead-letters.js';
import { withBroker } from '../broker/open-broker.js';
import { positionsOfGroup } from '../broker/positions.js';
import { readTopic } from '../broker/read-topic.js';
import { Redrive, type RedriveCounts } from '../broker/redrive.js';
import { defineCommand } from '../command/command.js';
import { brokerOptions, json, yes } from '../command/common-options.js';
import { flag, integer, text } from '../command/readers.js';
import { Progress } from '../terminal/progress.js';
import { FINISHING, Interrupts } from '../terminal/signals.js';
import type { Terminal } from '../terminal/terminal.js';

const MAX_REDRIVES = 3;

export const redriveDeadLetters = defineCommand({
  name: 'dlq redrive',
  places: ['kafka', 'redis'],
  summary: 'send dead letters to where they came from, for the group that gave them up',
  details: `Key, value and headers stay; x-redrive-count counts, and ${MAX_REDRIVES} is the most without --max-redrives, so that nothing goes round for ever. x-target-group makes other groups pass over it. Interrupted, the same command goes on where it was.`,
  args: '<topic>',
  options: {
    ...brokerOptions,
    ...filterOptions,
    to: text('--to <topic>', 'send all to this topic instead'),
    rate: integer('--rate <n>', 'messages a second at most', 1),
    maxRedrives: integer(
      '--max-redrives <n>',
      `leave those that were sent again so often, ${MAX_REDRIVES} without it`,
      1,
    ),
    restart: flag('--restart', 'begin at the beginning, also with those that an earlier run has sent'),
    dryRun: flag('--dry-run', 'only count what would be sent'),
    yes,
    json,
  },
  examples: ['dlq redrive orders-dlq --dry-run', 'dlq redrive orders-dlq --error TimeoutError --rate 50 --yes'],
  async run({ args: [topic = ''], options, terminal, ...call }) {
    const { to, rate = Infinity, maxRedrives = MAX_REDRIVES, dryRun = false, restart } = options;
    const progressGroup = progressGroupOf(topic, options, to);
    await withBroker({ ...call, options, terminal }, async (broker) => {
      const { admin } = broker;
      const total = await remaining(admin, topic, restart ? undefined : progressGroup);
      const question = `Look at ${total} dead letters of ${topic}, and send those that match again?`;
      if (!dryRun && total > 0 && !(await terminal.confirm(question, options.yes)))
        return terminal.tell('Nothing was sent.');
      const interrupts = new Interrupts(terminal, FINISHING);
      const { signal } = interrupts;
      const plan = { topic, filter: options, to, rate, maxRedrives, dryRun, progressGroup, signal };
      const progress = new Progress(terminal, dryRun ? 'matched' : 'sent', total);
      const redrive = new Redrive(broker, plan, progress);
      const from = restart
        ? await admin.positionsAt(topic, { at: 'earliest' })
        : await positionsOfGroup(admin, progressGroup, topic);
      const until = await admin.positionsAt(topic, { at: 'latest' });
      const reached = await redrive.run((onMessage) => readTopic(admin, { topic, from, until, signal, onMessage }));
      interrupts.dispose();
      if (options.json) await terminal.printJson({ dryRun, ...redrive.counts });
      tellCounts(redrive.counts, dryRun, terminal);
      if (isThere(reached, until)) return;
      terminal.tell('Interrupted before the end. The same command goes on from here.');
      terminal.exitCode = interrupts.code;
    });
  },
});

/** How many dead letters there are behind the position of a group; the most that there can be, where the log has gaps. */
async function remaining(admin: BrokerAdmin, topic: string, groupId: string | undefined): Promise<number> {
  const { partitions } = await admin.describeTopic(topic);
  const group = groupId === undefined ? undefined : await admin.describeGroup(groupId).catch(ifUnknown);
  const lagOf = (partition: number) =>
    group?.partitions.find((one) => one.topic === topic && one.partition === partition)?.lag;
  return partitions.reduce((sum, { partition, messages }) => sum + (lagOf(partition) ?? messages), 0);
}

/** No run with this filter has saved anything so far. */
function ifUnknown(error: unknown): undefined {
  if (error instanceof UnknownGroupError) return undefined;
  throw error;
}

function isThere(reached: readonly PartitionPosition[], until: readonly PartitionPosition[]): boolean {
  return until.every((end) =>
    reached.some(({ partition, offset }) => partition === end.partition && compareOffsets(offset, end.offset) >= 0),
  );
}

function tellCounts({ sent, left }: RedriveCounts, dryRun: boolean, terminal: Terminal): void {
  terminal.tell(dryRun ? `${sent} dead letters would be sent again.` : `Sent ${sent} dead letters again.`);
  if (left.other > 0) terminal.tell(`${left.other} did not match.`);
  if (left['too often'] > 0)
    terminal.tell(
      `${left['too often']} were sent again too often before and are left; --max-redrives raises the bound.`,
    );
  if (left['no origin'] > 0)
    terminal.tell(`${left['no origin']} do not say where they came from and are left; --to names a topic.`);
}
