import { toError } from '../../core/errors.js';
import { findApp } from '../app/find-app.js';
import { lookIntoApp, NoMessagingError, type AppContent } from '../app/open-app.js';
import { filterOptions, matches, toDeadLetter, type DeadLetter } from '../broker/dead-letters.js';
import { toMessageLine } from '../broker/message-lines.js';
import { withBroker } from '../broker/open-broker.js';
import { readTopic } from '../broker/read-topic.js';
import { defineCommand, type Place } from '../command/command.js';
import { brokerOptions, json } from '../command/common-options.js';
import { integer, text } from '../command/readers.js';
import { Interrupts } from '../terminal/signals.js';
import type { Terminal } from '../terminal/terminal.js';
import { messagesIn } from './topics.js';

const SHOWN = 50;

export const listDeadLetters = defineCommand({
  name: 'dlq list',
  places: ['kafka', 'redis'],
  summary: 'list the topics of dead letters, and how many they hold',
  details:
    "The `dlqTopic`s of the app's handlers, where there is an app (--app, or found), and topics whose name ends with -dlq, as handlers name them by default. Those sent again stay counted: the log keeps them.",
  args: '',
  options: { ...brokerOptions, suffix: text('--suffix <text>', 'what the names end with, instead of -dlq'), json },
  examples: ['dlq list', 'dlq list --app dist/app.module.js --json'],
  async run({ options, terminal, ...call }) {
    const { suffix = '-dlq' } = options;
    const app = await appOf(options.app, terminal);
    await withBroker({ ...call, options, terminal }, async ({ admin }) => {
      const declared = declaredIn(app, call.place);
      const names = (await admin.listTopics()).filter((name) => declared.has(name) || name.endsWith(suffix));
      const found = await Promise.all(names.map((name) => admin.describeTopic(name)));
      const rows = found.map(({ topic, partitions }) => ({
        topic,
        messages: messagesIn(partitions),
        handlers: declared.get(topic) ?? [],
      }));
      if (rows.length === 0 && !options.json)
        return terminal.tell(`No topic ends with ${suffix}${app ? ', and the app declares none that exists' : ''}.`);
      await terminal.rows(
        rows,
        [
          { title: 'topic', value: ({ topic }) => topic },
          { title: 'messages', value: ({ messages }) => messages, align: 'right' },
          { title: 'handlers', value: ({ handlers }) => handlers.join(', ') || null },
        ],
        options,
      );
    });
  },
});

/** One that is only found, and cannot be loaded, is no reason to list nothing. */
async function appOf(given: string | undefined, terminal: Terminal): Promise<AppContent | undefined> {
  const file = findApp(process.cwd(), given);
  if (file === undefined) return undefined;
  try {
    return await lookIntoApp(file, terminal);
  } catch (error) {
    if (given !== undefined) throw error;
    if (!(error instanceof NoMessagingError))
      terminal.tell(`${file} is not looked into: ${toError(error).message.split('\n')[0]}`);
    return undefined;
  }
}

/** The topics of dead letters that handlers name, with the names of the handlers. */
function declaredIn(app: AppContent | undefined, place: Place): ReadonlyMap<string, readonly string[]> {
  const declared = new Map<string, readonly string[]>();
  for (const { name, connection, deadLetter } of app?.handlers ?? []) {
    if (deadLetter.kind !== 'topic' || app?.options.connections.get(connection)?.kind !== place) continue;
    declared.set(deadLetter.topic, [...(declared.get(deadLetter.topic) ?? []), name]);
  }
  return declared;
}

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
    const interrupts = new Interrupts(terminal);
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
    if (left === 0) terminal.tell(`These are the first ${count}; -n shows more.`);
  },
});

async function showRows(rows: readonly DeadLetter[], terminal: Terminal): Promise<void> {
  if (rows.length === 0) return terminal.tell('No dead letters match.');
  await terminal.rows(
    rows,
    [
      { title: 'position', value: ({ partition, offset }) => `${partition}@${offset}` },
      { title: 'given up', value: ({ at }) => at.replace(/\.\d+Z$/, 'Z') },
      { title: 'key', value: ({ key }) => key },
      { title: 'from', value: ({ origin }) => origin },
      { title: 'group', value: ({ group }) => group },
      { title: 'tries', value: ({ attempts }) => attempts, align: 'right' },
      { title: 'redrives', value: ({ redrives }) => redrives, align: 'right' },
      { title: 'reason', value: reasonOf, isBelow: true },
    ],
    {},
  );
}

function reasonOf({ reason, error, message }: DeadLetter): string | undefined {
  if (error === undefined) return reason;
  return `${error}: ${message ?? ''}${reason === undefined ? '' : ` (${reason})`}`;
}
