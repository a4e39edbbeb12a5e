import { offsetsBetween } from '../../core/offset.js';
import type { PartitionPosition } from '../../driver/broker-admin.js';
import { filterOptions, matches, progressGroupOf, toDeadLetter, type DeadLetter } from '../broker/dead-letters.js';
import { toMessageLine } from '../broker/message-lines.js';
import { withBroker, type Broker } from '../broker/open-broker.js';
import { positionsOfGroup } from '../broker/positions.js';
import { readTopic } from '../broker/read-topic.js';
import { Redrive, type RedriveCounts, type RedrivePlan } from '../broker/redrive.js';
import { defineCommand } from '../command/command.js';
import { brokerOptions, json, yes } from '../command/common-options.js';
import { flag, integer, text } from '../command/readers.js';
import { Progress } from '../terminal/progress.js';
import { Interrupts } from '../terminal/signals.js';
import type { Terminal } from '../terminal/terminal.js';
import { messagesIn } from './topics.js';

const SHOWN = 50;
const MAX_REDRIVES = 3;

export const listDeadLetters = defineCommand({
  name: 'dlq list',
  places: ['kafka', 'redis'],
  summary: 'list the topics of dead letters, and how many they hold',
  details:
    'Topics whose name ends with -dlq, as handlers name them by default. Those sent again stay counted: the log keeps them.',
  args: '',
  options: { ...brokerOptions, suffix: text('--suffix <text>', 'what the names end with, instead of -dlq'), json },
  examples: ['dlq list'],
  async run({ options, terminal, ...call }) {
    const { suffix = '-dlq' } = options;
    await withBroker({ ...call, options, terminal }, async ({ admin }) => {
      const names = (await admin.listTopics()).filter((name) => name.endsWith(suffix));
      const found = await Promise.all(names.map((name) => admin.describeTopic(name)));
      const rows = found.map(({ topic, partitions }) => ({ topic, messages: messagesIn(partitions) }));
      if (rows.length === 0 && !options.json) return terminal.tell(`No topic ends with ${suffix}.`);
      await terminal.rows(
        rows,
        [
          { title: 'topic', value: ({ topic }) => topic },
          { title: 'messages', value: ({ messages }) => messages, align: 'right' },
        ],
        options,
      );
    });
  },
});

export const showDeadLetters = defineCommand({
  name: 'dlq show',
  places: ['kafka', 'redis'],
  summary: 'show dead letters: where from, why, how often tried',
  args: '<topic>',
  options: {
    ...brokerOptions,
    ...filterOptions,
    count: integer('-n, --count <n>', `so many at most, ${SHOWN} without it`, 1),
    json,
  },
  examples: [
    'dlq show orders-dlq',
    'dlq show orders-dlq --error RangeError --since 2h',
    'dlq show orders-dlq --json | jq .value',
  ],
  async run({ args: [topic = ''], options, terminal, ...call }) {
    const { count = SHOWN, json: asJson } = options;
    const interrupts = new Interrupts(() => {});
    const rows: DeadLetter[] = [];
    let left = count;
    await withBroker({ ...call, options, terminal }, async ({ admin }) => {
      const [from, until] = await Promise.all([
        admin.positionsAt(topic, { at: 'earliest' }),
        admin.positionsAt(topic, { at: 'latest' }),
      ]);
      const { signal } = interrupts;
      await readTopic(admin, {
        topic,
        from,
        until,
        signal,
        async onMessage(delivery) {
          if (!matches(delivery, options)) return true;
          if (asJson) await terminal.printJson({ ...toMessageLine(delivery), deadLetter: toDeadLetter(delivery) });
          else rows.push(toDeadLetter(delivery));
          return --left > 0;
        },
      });
    });
    interrupts.dispose();
    if (asJson) return;
    await showRows(rows, terminal);
    if (left === 0) terminal.tell(`The first ${count}; -n shows more.`);
  },
});

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
    const { to, rate = Infinity, maxRedrives = MAX_REDRIVES, dryRun = false } = options;
    const interrupts = new Interrupts((line) => terminal.tell(line));
    const progressGroup = progressGroupOf(topic, options, to);
    const { signal } = interrupts;
    const plan = { topic, filter: options, to, rate, maxRedrives, dryRun, progressGroup, signal };
    await withBroker({ ...call, options, terminal }, async (broker) => {
      const { admin } = broker;
      const from = options.restart
        ? await admin.positionsAt(topic, { at: 'earliest' })
        : await positionsOfGroup(admin, progressGroup, topic);
      const until = await admin.positionsAt(topic, { at: 'latest' });
      const total = between(from, until);
      const question = `Look at ${total ?? 'the'} dead letters of ${topic}, and send those that match again?`;
      if (!dryRun && total !== 0 && !(await terminal.confirm(question, options.yes)))
        return terminal.tell('Nothing was sent.');
      const counts = await redrive(broker, plan, { from, until, terminal });
      if (options.json) await terminal.printJson({ dryRun, ...counts });
      tellCounts(counts, dryRun, terminal);
    });
    interrupts.dispose();
    terminal.exitCode = interrupts.code;
  },
});

interface Range {
  readonly from: readonly PartitionPosition[];
  readonly until: readonly PartitionPosition[];
  readonly terminal: Terminal;
}

async function redrive(broker: Broker, plan: RedrivePlan, { from, until, terminal }: Range): Promise<RedriveCounts> {
  const progress = new Progress(terminal, 'sent', between(from, until));
  const run = new Redrive(broker, plan, progress);
  const { topic, signal } = plan;
  const onMessage = async (delivery: Parameters<Redrive['take']>[0]) => {
    await run.take(delivery);
    return true;
  };
  await readTopic(broker.admin, { topic, from, until, signal, onMessage });
  await run.save();
  progress.end();
  return run.counts;
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

/** Undefined where positions do not tell. */
function between(from: readonly PartitionPosition[], until: readonly PartitionPosition[]): number | undefined {
  const start = new Map(from.map(({ partition, offset }) => [partition, offset]));
  const counts = until.map(({ partition, offset }) => offsetsBetween(start.get(partition) ?? '0', offset));
  return counts.reduce((sum, count) => (sum === undefined || count === undefined ? undefined : sum + count), 0);
}

async function showRows(rows: readonly DeadLetter[], terminal: Terminal): Promise<void> {
  if (rows.length === 0) return terminal.tell('No dead letters match.');
  await terminal.rows(
    rows,
    [
      { title: 'position', value: ({ partition, offset }) => `${partition}@${offset}` },
      { title: 'given up', value: ({ at }) => at },
      { title: 'key', value: ({ key }) => key },
      { title: 'from', value: ({ origin }) => origin },
      { title: 'group', value: ({ group }) => group },
      { title: 'reason', value: ({ reason }) => reason },
      { title: 'error', value: ({ error }) => error },
      { title: 'message', value: ({ message }) => message },
      { title: 'tries', value: ({ attempts }) => attempts, align: 'right' },
      { title: 'redrives', value: ({ redrives }) => redrives, align: 'right' },
    ],
    {},
  );
}
