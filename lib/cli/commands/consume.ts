import type { Delivery } from '../../core/delivery.js';
import { MessagingError, UnknownTopicError } from '../../core/errors.js';
import type { BrokerAdmin, PartitionPosition } from '../../driver/broker-admin.js';
import { findApp } from '../app/find-app.js';
import { handlersOf, NoMessagingError, openApp } from '../app/open-app.js';
import { payloadText, toMessageLine, valueText } from '../broker/message-lines.js';
import { withBroker } from '../broker/open-broker.js';
import { position, positionsOfGroup } from '../broker/positions.js';
import { readAsGroup } from '../broker/read-as-group.js';
import { readTopic } from '../broker/read-topic.js';
import { defineCommand, type CliValues, type Place } from '../command/command.js';
import { brokerOptions, json } from '../command/common-options.js';
import { flag, integer, text } from '../command/readers.js';
import type { Formats } from '../../serialization/formats.js';
import { EXIT, UsageError } from '../exit-code.js';
import { Interrupts } from '../terminal/signals.js';
import type { Terminal } from '../terminal/terminal.js';
import { kindOf, LEVELS, runUntilInterrupted } from './workers.js';

const options = {
  ...brokerOptions,
  group: text('-g, --group <id>', 'the group whose handler is run, or from whose positions on is printed'),
  print: flag('--print', 'print, whatever the app has'),
  count: integer('-n, --count <n>', 'end after so many messages', 1),
  from: position('--from <position>', 'where to begin'),
  partition: integer('--partition <n>', 'this partition only'),
  exitAtEnd: flag('--exit-at-end', 'end with the last message that is there now'),
  commit: flag('--commit', 'print as the one member of --group: what is printed counts as handled'),
  avro: flag('--avro', 'read values by the schemas of the registry'),
  headers: flag('--headers', 'print position, key and headers before each value'),
  json,
} as const;

type Values = CliValues<typeof options>;

export const consume = defineCommand({
  name: 'consume',
  places: ['kafka', 'redis'],
  summary: "run the app's handler of a topic and group, or print messages as they come",
  details:
    "When the app has a handler of the topic and --group, that is run, as `worker` does. Else messages are printed: from --from, else from the group's positions, else from now on. Printing joins no group and moves none, so it never takes a message from a handler; with --commit it does, and is refused while the group has members. The first line on stderr says which it is.",
  args: '<topic>',
  options,
  examples: [
    'consume orders --group billing',
    'consume orders --from 15m --json | jq .value',
    'consume orders --from beginning --exit-at-end -n 10',
    'consume orders --avro --json',
    'consume orders --group catch-up --commit -n 1000',
  ],
  async run({ args: [topic = ''], ...call }) {
    const { group, commit } = call.options;
    if (commit) return printAsGroup(topic, call);
    if (group !== undefined && !wantsPrint(call.options) && (await runHandler(topic, call))) return;
    await print(topic, call);
  },
});

interface Call {
  readonly place: Place;
  readonly options: Values;
  readonly terminal: Terminal;
}

function wantsPrint({ print: asked, count, from, partition, exitAtEnd, avro, headers, json: asJson }: Values): boolean {
  return [asked, count, from, partition, exitAtEnd, avro, headers, asJson].some((one) => one !== undefined);
}

/** False when the project has no app, or the app no such handler on this kind of broker. */
async function runHandler(topic: string, { place, options: { app: given, group, connection }, terminal }: Call) {
  const file = findApp(process.cwd(), given);
  if (file === undefined) return false;
  const app = await openApp(file, { terminal, levels: LEVELS }).catch((error: unknown) => {
    if (given === undefined && error instanceof NoMessagingError) return undefined;
    throw error;
  });
  const own =
    app &&
    handlersOf(app).definitions.handlers.find(
      (one) =>
        one.topic === topic &&
        one.groupId === group &&
        one.connection === (connection ?? one.connection) &&
        kindOf(app, one) === place,
    );
  if (!own) return false;
  terminal.tell(`Running ${own.name} of ${file} as group ${group}: messages are handled and positions kept.`);
  handlersOf(app).select({ names: [own.name] });
  await runUntilInterrupted(app, terminal);
  return true;
}

async function print(topic: string, { place, options: values, terminal }: Call): Promise<void> {
  const interrupts = new Interrupts(terminal);
  const { group, exitAtEnd } = values;
  await withBroker({ place, options: values, terminal }, async ({ admin, formats }) => {
    const from = await beginning(admin, topic, values);
    const until = exitAtEnd ? await admin.positionsAt(topic, { at: 'latest' }) : undefined;
    const place = group === undefined ? '' : ` beside group ${group}`;
    terminal.tell(`Printing ${topic}${place}: no group is joined and none is moved. Ctrl-C ends.`);
    const onMessage = printer(values, formats, terminal);
    await readTopic(admin, { topic, from, until, signal: interrupts.signal, onMessage });
  });
  interrupts.dispose();
}

/** @throws UsageError for what only printing beside a group can do. */
async function printAsGroup(topic: string, { place, options: values, terminal }: Call): Promise<void> {
  const { group, from, partition, exitAtEnd } = values;
  if (group === undefined) throw new UsageError('--group is missing: --commit prints as a member of it.');
  if ([from, partition, exitAtEnd].some((one) => one !== undefined))
    throw new UsageError('With --commit a group goes on where it is: leave out --from, --partition and --exit-at-end.');
  const interrupts = new Interrupts(terminal);
  await withBroker({ place, options: values, terminal }, async (broker) => {
    const [known] = await broker.driver.admin.describe([topic]);
    if (!known) throw new UnknownTopicError(topic);
    const onMessage = printer(values, broker.formats, terminal);
    const onJoin = () =>
      terminal.tell(`Printing ${topic} as group ${group}: what is printed counts as handled. Ctrl-C ends.`);
    await readAsGroup(broker, { topic, groupId: group, signal: interrupts.signal, onJoin, onMessage });
  });
  interrupts.dispose();
}

async function beginning(admin: BrokerAdmin, topic: string, values: Values): Promise<readonly PartitionPosition[]> {
  const { group, from, partition } = values;
  const positions =
    from === undefined && group !== undefined
      ? await positionsOfGroup(admin, group, topic)
      : await admin.positionsAt(topic, from ?? { at: 'latest' });
  if (partition === undefined) return positions;
  const chosen = positions.filter((one) => one.partition === partition);
  if (chosen.length > 0) return chosen;
  throw new UsageError(`Topic \`${topic}\` has no partition ${partition}, only 0 to ${positions.length - 1}.`);
}

/** Prints messages, and says whether more are wanted. A value that cannot be read is told, and makes the command end with 1. */
function printer(values: Values, formats: Formats, terminal: Terminal): (delivery: Delivery) => Promise<boolean> {
  let left = values.count ?? Infinity;
  return async (delivery) => {
    try {
      await show(delivery, values.avro ? await payloadOf(delivery, formats) : undefined, { values, terminal });
    } catch (error) {
      if (!(error instanceof MessagingError)) throw error;
      const { partition, offset } = delivery;
      terminal.tell(`${partition.topic}/${partition.index}@${offset} is not printed: ${error.message}`);
      terminal.exitCode = EXIT.failed;
    }
    return --left > 0;
  };
}

/** What its schema makes of a value, as JSON. */
async function payloadOf(delivery: Delivery, formats: Formats): Promise<string> {
  const { value } = delivery;
  if (value === null) return 'null';
  return payloadText(await formats.readAvro(value, delivery));
}

interface Printing {
  readonly values: Values;
  readonly terminal: Terminal;
}

async function show(delivery: Delivery, avro: string | undefined, { values, terminal }: Printing): Promise<void> {
  const line = toMessageLine(delivery);
  if (values.json)
    return terminal.printJson(avro === undefined ? line : { ...line, value: JSON.parse(avro), encoding: 'avro' });
  if (values.headers) {
    const { topic, partition, offset, timestamp, key, headers: own } = line;
    const about = [`${topic}/${partition}@${offset}`, new Date(timestamp ?? 0).toISOString(), `key=${key}`];
    await terminal.print(terminal.colors.dim([...about, JSON.stringify(own)].join(' ')));
  }
  await terminal.print(avro ?? valueText(delivery.value));
}
