import type { INestMicroservice, LogLevel } from '@nestjs/common';
import { didYouMean } from '../../options/suggest.js';
import type { HandlerDefinition } from '../../worker/handler-definition.js';
import { MessagingRuntime } from '../../worker/messaging.runtime.js';
import { requireApp } from '../app/find-app.js';
import { handlersOf, lookIntoApp, openApp } from '../app/open-app.js';
import { Connections } from '../../connection/connections.js';
import { defineCommand, type Place } from '../command/command.js';
import { appOptions, json } from '../command/common-options.js';
import { flag, integer } from '../command/readers.js';
import { EXIT, UsageError } from '../exit-code.js';
import { FINISHING, Interrupts } from '../terminal/signals.js';
import type { Terminal } from '../terminal/terminal.js';

export const workers = defineCommand({
  name: 'workers',
  places: [''],
  summary: 'list the handlers that the app declares',
  details: 'The app is loaded and not started: no broker is asked.',
  args: '',
  options: { ...appOptions, json },
  examples: ['workers', 'workers --app dist/app.module.js --json'],
  async run({ options, terminal }) {
    const { handlers } = await lookIntoApp(requireApp(process.cwd(), options.app), terminal);
    const rows = handlers.map(toRow);
    if (rows.length === 0 && !options.json) return terminal.tell('The app declares no handlers.');
    await terminal.rows(
      rows,
      [
        { title: 'name', value: ({ name }) => name },
        { title: 'connection', value: ({ connection }) => connection },
        { title: 'topic', value: ({ topic }) => topic },
        { title: 'group', value: ({ groupId }) => groupId },
        { title: 'output', value: ({ outputTopic }) => outputTopic },
        { title: 'dead letters', value: ({ deadLetters }) => deadLetters },
        { title: 'concurrency', value: ({ concurrency }) => concurrency, align: 'right' },
      ],
      options,
    );
  },
});

export const worker = defineCommand({
  name: 'worker',
  places: ['', 'kafka', 'redis'],
  summary: 'run handlers of the app: those named, or --all',
  details:
    'Ctrl-C and SIGTERM finish what runs, and end with 0; with 130 or 143 when that takes longer than `shutdownTimeoutMs`. A second one ends at once.',
  args: '[names...]',
  options: {
    ...appOptions,
    all: flag('--all', 'run every handler'),
    concurrency: integer('--concurrency <n>', 'calls at once of each, instead of what the app says', 1),
    json: flag('--json', 'write the log as JSON, one object a line on stderr'),
  },
  examples: ['worker TaskWorker', 'worker TaskWorker Audit.onEvent --concurrency 8', 'worker --all'],
  async run({ place, args: names, options, terminal }) {
    if (names.length > 0 === (options.all ?? false))
      throw new UsageError('Name the handlers to run, or give --all; `messaging workers` lists them.');
    const { concurrency, json: asJson } = options;
    const app = await openApp(requireApp(process.cwd(), options.app), { terminal, levels: LEVELS, json: asJson });
    handlersOf(app).select({ names: chosen(app, place, names), concurrency });
    await runUntilInterrupted(app, terminal);
  },
});

/** What the log of a running app shows. */
export const LEVELS: readonly LogLevel[] = ['error', 'warn', 'log'];

/** Ends when a signal has come and what ran is finished, or has missed its deadline. */
export async function runUntilInterrupted(app: INestMicroservice, terminal: Terminal): Promise<void> {
  const interrupts = new Interrupts(terminal, FINISHING);
  app.flushLogs();
  try {
    await app.listen();
    await interrupts.first();
    const runtime = app.get(MessagingRuntime);
    await runtime.drain();
    terminal.exitCode = runtime.running > 0 ? interrupts.code : EXIT.done;
    await app.close();
  } finally {
    interrupts.dispose();
  }
}

/** The handlers named, or all; under `messaging kafka` those that read from Kafka. @throws UsageError when one is not among them */
function chosen(app: INestMicroservice, place: Place, names: readonly string[]): readonly string[] {
  const { handlers } = handlersOf(app).definitions;
  const own = handlers.filter((handler) => place === '' || kindOf(app, handler) === place).map(({ name }) => name);
  if (names.length === 0 && own.length > 0) return own;
  if (names.length === 0)
    throw new UsageError(
      `The app declares no handlers${place === '' ? '' : ` on ${place}`}; \`messaging workers\` lists them.`,
    );
  const all = handlers.map(({ name }) => name);
  const stranger = names.find((name) => !own.includes(name));
  if (stranger === undefined) return names;
  throw new UsageError(
    all.includes(stranger)
      ? `${stranger} does not read from ${place}. Run it with: messaging worker ${stranger}`
      : `There is no handler \`${stranger}\`${didYouMean(stranger, all) || `; known are ${all.join(', ')}.`}`,
  );
}

export function kindOf(app: INestMicroservice, { connection }: HandlerDefinition): string {
  return app.get(Connections).get(connection).settings.kind;
}

function toRow({ name, connection, topic, groupId, outputTopic, deadLetter, dispatch }: HandlerDefinition) {
  const deadLetters = deadLetter.kind === 'topic' ? deadLetter.topic : deadLetter.kind;
  return { name, connection, topic, groupId, outputTopic, deadLetters, concurrency: dispatch.concurrency };
}
