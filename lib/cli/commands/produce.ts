import { createReadStream, fstatSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { toError, UnknownTopicError } from '../../core/errors.js';
import { toHeaderList, type HeaderInput } from '../../core/headers.js';
import type { OutgoingRecord } from '../../core/message.js';
import { LineSender } from '../broker/line-sender.js';
import type { MessageLine } from '../broker/message-lines.js';
import { withBroker } from '../broker/open-broker.js';
import { defineCommand, type CliValues } from '../command/command.js';
import { brokerOptions } from '../command/common-options.js';
import { flag, pairs, text } from '../command/readers.js';
import { UsageError } from '../exit-code.js';
import { Progress } from '../terminal/progress.js';
import { FINISHING, Interrupts } from '../terminal/signals.js';
import type { Terminal } from '../terminal/terminal.js';

const ENCODINGS: ReadonlySet<string> = new Set(['json', 'text', 'base64']);

const options = {
  ...brokerOptions,
  key: text('-k, --key <key>', 'the key of all messages'),
  header: pairs('-H, --header <name=value>', 'a header of all messages; may be repeated'),
  file: text('-f, --file <file>', 'read lines from this file instead of stdin'),
  json: flag(
    '--json',
    'lines are as `consume --json` prints them: {"key": …, "value": …, "headers": …}; prints how many were sent as JSON too',
  ),
} as const;

type Values = CliValues<typeof options>;

export const produce = defineCommand({
  name: 'produce',
  places: ['kafka', 'redis'],
  summary: 'send a message for each line of stdin or of a file',
  details:
    'A line is the value as it stands, so for handlers it should be JSON. An empty line is passed over. Ends with the first line that is not written, and says which; the lines before it are written.',
  args: '<topic>',
  options,
  examples: [
    `produce orders -k customer-7 -H source=cli <<< '{"id":1}'`,
    'produce orders --file orders.jsonl',
    'consume orders --from 1h --exit-at-end --json | messaging kafka produce orders-copy --json',
  ],
  async run({ args: [topic = ''], options: values, terminal, ...call }) {
    const { input, size } = inputOf(values.file, terminal);
    const progress = new Progress(terminal, 'sent', size, !input.isTTY);
    const interrupts = new Interrupts(terminal, FINISHING);
    const report = async () => {
      progress.end();
      if (values.json) await terminal.printJson({ topic, sent: progress.count });
      terminal.tell(`Sent ${progress.count} messages to ${topic}.`);
    };
    try {
      await withBroker({ ...call, options: values, terminal }, async ({ driver }) => {
        const [known] = await driver.admin.describe([topic]);
        if (!known) throw new UnknownTopicError(topic);
        if (input.isTTY) terminal.tell(`Sending each line to ${topic}. Ctrl-D ends.`);
        const toMessage = (line: string, number: number) => toRecord({ topic, line, number, values });
        const sender = new LineSender({ driver, toRecord: toMessage, progress });
        await sender.send(createInterface({ input, signal: interrupts.signal }));
      });
    } catch (error) {
      if (progress.count > 0) await report();
      throw error;
    }
    interrupts.dispose();
    await report();
    terminal.exitCode = interrupts.code;
  },
});

/** @throws UsageError for a file that cannot be read. */
function inputOf(file: string | undefined, { input }: Terminal) {
  if (file === undefined) return { input, size: undefined };
  try {
    const fd = openSync(file, 'r');
    if (fstatSync(fd).isDirectory()) throw new Error('it is a folder');
    return { input: Object.assign(createReadStream('', { fd }), { isTTY: false }), size: fstatSync(fd).size };
  } catch (error) {
    throw new UsageError(`The file \`${file}\` cannot be read: ${toError(error).message}. Correct --file.`);
  }
}

interface Line {
  readonly topic: string;
  readonly line: string;
  readonly number: number;
  readonly values: Values;
}

function toRecord({ topic, line, number, values: { key, header = [], json: isJson } }: Line): OutgoingRecord {
  const own = isJson ? parsed(line, number) : { value: line, encoding: 'text' as const };
  const chosen = own.key ?? key ?? '';
  return {
    topic,
    key: chosen === '' ? null : bytesOf(chosen),
    value: valueOf(own, number),
    headers: [...headersOf(own), ...header.map(([name, value]) => [name, Buffer.from(value)] as const)],
  };
}

function parsed(line: string, number: number): MessageLine {
  try {
    const found: unknown = JSON.parse(line);
    if (typeof found === 'object' && found !== null && 'value' in found) return found as MessageLine;
  } catch {
    // told below, with the line's number
  }
  throw new UsageError(`Expected line ${number} to be a JSON object with a \`value\`, got \`${line.slice(0, 60)}\`.`);
}

function valueOf({ value, encoding = 'json' }: MessageLine, number: number): Buffer | null {
  if (value === null || value === undefined) return null;
  if (!ENCODINGS.has(encoding))
    throw new UsageError(
      `Expected \`encoding\` of line ${number} to be ${[...ENCODINGS].join(', ')}, got \`${encoding}\`. Avro is copied without --avro.`,
    );
  if (encoding === 'json') return Buffer.from(JSON.stringify(value));
  return Buffer.from(String(value as string), encoding === 'base64' ? 'base64' : 'utf8');
}

function headersOf({ headers = {} }: MessageLine) {
  const values = Object.entries(headers).map(([name, value]) => [name, [value].flat().map(bytesOf)] as const);
  return toHeaderList(Object.fromEntries(values) as Readonly<Record<string, HeaderInput>>);
}

/** As `consume --json` writes bytes that are no text. */
function bytesOf(written: string): Buffer {
  return written.startsWith('base64:') ? Buffer.from(written.slice(7), 'base64') : Buffer.from(written);
}
