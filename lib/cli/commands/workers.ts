import type { INestMicroservice } from '@nestjs/common';
import type { HandlerDefinition } from '../../worker/handler-definition.js';
import { MessagingRuntime } from '../../worker/messaging.runtime.js';
import { requireApp } from '../app/find-app.js';
import { handlersOf, openApp } from '../app/open-app.js';
import { Connections } from '../../connection/connections.js';
import { defineCommand, type Place } from '../command/command.js';
import { appOptions, json } from '../command/common-options.js';
import { flag, integer } from '../command/readers.js';
import { EXIT, UsageError } from '../exit-code.js';
import { Interrupts } from '../terminal/signals.js';
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
    const app = await openApp(requireApp(process.cwd(), options.app));
    const rows = handlersOf(app).definitions.handlers.map(toRow);
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
  },
  examples: ['worker TaskWorker', 'worker TaskWorker Audit.onEvent --concurrency 8', 'worker --all'],
  async run({ place, args: names, options, terminal }) {
    if (names.length > 0 === (options.all ?? false))
      throw new UsageError('Name the handlers to run, or give --all; `messaging workers` lists them.');
    const app = await openApp(requireApp(process.cwd(), options.app), ['error', 'warn', 'log']);
    const { concurrency } = options;
    handlersOf(app).select({ names: names.length > 0 ? names : ofPlace(app, place), concurrency });
    await runUntilInterrupted(app, terminal);
  },
});

/** Ends when a signal has come and what ran is finished, or has missed its deadline. */
export async function runUntilInterrupted(app: INestMicroservice, terminal: Terminal): Promise<void> {
  const interrupts = new Interrupts((line) => terminal.tell(line));
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

/** Under `messaging kafka`, those that read from Kafka. @throws UsageError when there is none. */
function ofPlace(app: INestMicroservice, place: Place): string[] {
  const connections = app.get(Connections);
  const { handlers } = handlersOf(app).definitions;
  const own = handlers.filter(({ connection }) => place === '' || connections.get(connection).settings.kind === place);
  if (own.length > 0) return own.map(({ name }) => name);
  throw new UsageError(
    `The app declares no handlers${place === '' ? '' : ` on ${place}`}; \`messaging workers\` lists them.`,
  );
}

function toRow({ name, connection, topic, groupId, outputTopic, deadLetter, dispatch }: HandlerDefinition) {
  const deadLetters = deadLetter.kind === 'topic' ? deadLetter.topic : deadLetter.kind;
  return { name, connection, topic, groupId, outputTopic, deadLetters, concurrency: dispatch.concurrency };
}
