import { createReadStream, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { toHeaderList, type HeaderInput } from '../../core/headers.js';
import { MessagingError } from '../../core/errors.js';
import type { OutgoingRecord } from '../../core/message.js';
import type { Driver } from '../../driver/driver.js';
import type { MessageLine } from '../broker/message-lines.js';
import { withBroker } from '../broker/open-broker.js';
import { defineCommand, type CliValues } from '../command/command.js';
import { brokerOptions } from '../command/common-options.js';
import { flag, pairs, text } from '../command/readers.js';
import { CommandError, UsageError } from '../exit-code.js';
import { Progress } from '../terminal/progress.js';
import { Interrupts } from '../terminal/signals.js';

const BATCH = 500;
const TIMEOUT_MS = 60_000;
const ENCODINGS: ReadonlySet<string> = new Set(['json', 'text', 'base64']);

const options = {
  ...brokerOptions,
  key: text('-k, --key <key>', 'the key of all messages'),
  header: pairs('-H, --header <name=value>', 'a header of all messages; may be repeated'),
  file: text('-f, --file <file>', 'read lines from this file instead of stdin'),
  json: flag('--json', 'lines are as `consume --json` prints them: {"key": …, "value": …, "headers": …}'),
} as const;

export const produce = defineCommand({
  name: 'produce',
  places: ['kafka', 'redis'],
  summary: 'send a message for each line of stdin or of a file',
  details:
    'A line is the value as it stands, so for handlers it should be JSON. An empty line is passed over. Ends with the first line that is not written, and says which.',
  args: '<topic>',
  options,
  examples: [
    `produce orders -k customer-7 -H source=cli <<< '{"id":1}'`,
    'produce orders --file orders.jsonl',
    'consume orders --from 1h --exit-at-end --json | messaging kafka produce orders-copy --json',
  ],
  async run({ args: [topic = ''], options: values, terminal, ...call }) {
    const { file } = values;
    const input = file === undefined ? terminal.input : createReadStream(file);
    const progress = new Progress(terminal, 'sent', file === undefined ? undefined : statSync(file).size);
    const interrupts = new Interrupts((line) => terminal.tell(line));
    let number = 0;
    await withBroker({ ...call, options: values, terminal }, async ({ driver }) => {
      const [known] = await driver.admin.describe([topic]);
      if (!known)
        throw new CommandError(
          `Topic \`${topic}\` does not exist. Create it: messaging ${call.place} create-topic ${topic}`,
        );
      const batch: OutgoingRecord[] = [];
      const flush = async () => {
        await send(driver, batch.splice(0), progress.count);
        progress.add(number - progress.count, 0);
      };
      for await (const line of createInterface({ input, signal: interrupts.signal })) {
        progress.add(0, Buffer.byteLength(line) + 1);
        if (line.trim() === '') continue;
        batch.push(toRecord(topic, line, ++number, values));
        if (batch.length >= BATCH || file === undefined) await flush();
      }
      await flush();
    });
    interrupts.dispose();
    terminal.exitCode = interrupts.code;
    progress.end();
    terminal.tell(`Sent ${progress.count} messages to ${topic}.`);
  },
});

async function send(driver: Driver, records: readonly OutgoingRecord[], before: number): Promise<void> {
  const results = await driver.send(records, Date.now() + TIMEOUT_MS);
  const failed = results.findIndex((result) => result instanceof MessagingError);
  if (failed < 0) return;
  const error = results[failed] as MessagingError;
  throw new CommandError(`Message ${before + failed + 1} was not written: ${error.message}`, { cause: error });
}

function toRecord(topic: string, line: string, number: number, values: CliValues<typeof options>): OutgoingRecord {
  const { key, header = [] } = values;
  const own = values.json ? parsed(line, number) : { value: line, encoding: 'text' as const };
  const chosen = own.key ?? key ?? '';
  return {
    topic,
    key: chosen === '' ? null : bytesOf(chosen),
    value: valueOf(own),
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

function valueOf({ value, encoding = 'json' }: MessageLine): Buffer | null {
  if (value === null || value === undefined) return null;
  if (!ENCODINGS.has(encoding))
    throw new UsageError(
      `Expected \`encoding\` to be ${[...ENCODINGS].join(', ')}, got \`${encoding}\`. Avro is copied without --avro.`,
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
