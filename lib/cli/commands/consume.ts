import type { Delivery } from '../../core/delivery.js';
import type { BrokerAdmin, PartitionPosition } from '../../driver/broker-admin.js';
import { findApp } from '../app/find-app.js';
import { handlersOf, openApp } from '../app/open-app.js';
import { toMessageLine, valueText } from '../broker/message-lines.js';
import { withBroker } from '../broker/open-broker.js';
import { position, positionsOfGroup } from '../broker/positions.js';
import { readTopic } from '../broker/read-topic.js';
import { defineCommand, type CliValues, type Place } from '../command/command.js';
import { brokerOptions, json } from '../command/common-options.js';
import { flag, integer, text } from '../command/readers.js';
import { Interrupts } from '../terminal/signals.js';
import type { Terminal } from '../terminal/terminal.js';
import { runUntilInterrupted } from './workers.js';

const options = {
  ...brokerOptions,
  group: text('-g, --group <id>', 'the group whose handler is run, or from whose positions on is printed'),
  print: flag('--print', 'print, whatever the app has'),
  count: integer('-n, --count <n>', 'end after so many messages', 1),
  from: position('--from <position>', 'where to begin'),
  partition: integer('--partition <n>', 'this partition only'),
  exitAtEnd: flag('--exit-at-end', 'end with the last message that is there now'),
  headers: flag('--headers', 'print position, key and headers before each value'),
  json,
} as const;

type Values = CliValues<typeof options>;

export const consume = defineCommand({
  name: 'consume',
  places: ['kafka', 'redis'],
  summary: "run the app's handler of a topic and group, or print messages as they come",
  details:
    "When the app has a handler of the topic and --group, that is run, as `worker` does. Else messages are printed: from --from, else from the group's positions, else from now on. Printing joins no group and moves none, so it never takes a message from a handler. The first line on stderr says which it is.",
  args: '<topic>',
  options,
  examples: [
    'consume orders --group billing',
    'consume orders --from 15m --json | jq .value',
    'consume orders --from beginning --exit-at-end -n 10',
  ],
  async run({ args: [topic = ''], ...call }) {
    if (call.options.group !== undefined && !wantsPrint(call.options) && (await runHandler(topic, call))) return;
    await print(topic, call);
  },
});

interface Call {
  readonly place: Place;
  readonly options: Values;
  readonly terminal: Terminal;
}

function wantsPrint({ print: asked, count, from, partition, exitAtEnd, headers, json: asJson }: Values): boolean {
  return [asked, count, from, partition, exitAtEnd, headers, asJson].some((one) => one !== undefined);
}

/** False when the project has no app, or the app no such handler. */
async function runHandler(topic: string, { options: { app: given, group }, terminal }: Call): Promise<boolean> {
  const file = findApp(process.cwd(), given);
  if (file === undefined) return false;
  const app = await openApp(file, ['error', 'warn', 'log']);
  const { handlers } = handlersOf(app).definitions;
  const own = handlers.find((one) => one.topic === topic && one.groupId === group);
  if (!own) return false;
  terminal.tell(`Running ${own.name} of ${file} as group ${group}: messages are handled and positions kept.`);
  handlersOf(app).select({ names: [own.name] });
  await runUntilInterrupted(app, terminal);
  return true;
}

async function print(topic: string, { place, options: values, terminal }: Call): Promise<void> {
  const interrupts = new Interrupts(() => {});
  const { group, count = Infinity, exitAtEnd } = values;
  await withBroker({ place, options: values, terminal }, async ({ admin }) => {
    const from = await beginning(admin, topic, values);
    const until = exitAtEnd ? await admin.positionsAt(topic, { at: 'latest' }) : undefined;
    const place = group === undefined ? '' : ` beside group ${group}`;
    terminal.tell(`Printing ${topic}${place}: no group is joined and none is moved. Ctrl-C ends.`);
    let left = count;
    const onMessage = async (delivery: Delivery) => {
      await show(delivery, values, terminal);
      return --left > 0;
    };
    await readTopic(admin, { topic, from, until, signal: interrupts.signal, onMessage });
  });
  interrupts.dispose();
}

async function beginning(admin: BrokerAdmin, topic: string, values: Values): Promise<readonly PartitionPosition[]> {
  const { group, from, partition } = values;
  const positions =
    from === undefined && group !== undefined
      ? await positionsOfGroup(admin, group, topic)
      : await admin.positionsAt(topic, from ?? { at: 'latest' });
  return partition === undefined ? positions : positions.filter((one) => one.partition === partition);
}

async function show(delivery: Delivery, { json: asJson, headers }: Values, terminal: Terminal): Promise<void> {
  if (asJson) return terminal.printJson(toMessageLine(delivery));
  if (headers) {
    const { topic, partition, offset, timestamp, key, headers: own } = toMessageLine(delivery);
    const about = [`${topic}/${partition}@${offset}`, new Date(timestamp ?? 0).toISOString(), `key=${key}`];
    await terminal.print(terminal.colors.dim([...about, JSON.stringify(own)].join(' ')));
  }
  await terminal.print(valueText(delivery.value));
}
