import { AuthenticationError, AuthorizationError, MessagingError } from '../../core/errors.js';
import type { ResolvedMessagingOptions } from '../../options/messaging.options.js';
import type { HandlerDefinition } from '../../worker/handler-definition.js';
import { findApp } from '../app/find-app.js';
import { handlersOf, openApp } from '../app/open-app.js';
import { checkAddress, checkRegistry, checkServers, checkTopics, type Finding } from '../broker/checks.js';
import { connectionNameOf, optionsOf, withBroker, type BrokerCall } from '../broker/open-broker.js';
import { defineCommand, type Place } from '../command/command.js';
import { brokerOptions, json } from '../command/common-options.js';
import { EXIT } from '../exit-code.js';

export const doctor = defineCommand({
  name: 'doctor',
  places: ['kafka', 'redis'],
  summary: 'look for what is wrong with the cluster, the login and the app, with a cure for each',
  details:
    'With an app (--app, or found), its options are used and its handlers are checked too. Ends with 1 when something fails; warnings are no failure.',
  args: '',
  options: { ...brokerOptions, json },
  examples: ['doctor', 'doctor --app dist/app.module.js --json'],
  async run({ place, options, terminal }) {
    const app =
      options.bootstrapServers === undefined && options.url === undefined
        ? findApp(process.cwd(), options.app)
        : undefined;
    const call = { place, terminal, options: { ...options, ...(app !== undefined && { app }) } };
    const findings = [...(await checkBroker(call)), ...(app === undefined ? [noApp] : [])];
    const { green, yellow, red } = terminal.colors;
    const colors = { ok: green, warn: yellow, fail: red };
    await terminal.rows(
      findings,
      [
        { title: 'state', value: ({ state }) => colors[state](state) },
        { title: 'finding', value: ({ what }) => what },
        { title: 'cure', value: ({ cure = '' }) => cure },
      ],
      options,
    );
    terminal.exitCode = findings.some(({ state }) => state === 'fail') ? EXIT.failed : EXIT.done;
  },
});

const noApp: Finding = {
  state: 'warn',
  what: 'no app was looked at',
  cure: 'Build it and name it with --app, to have its topics and handlers checked.',
};

/** Step by step, since each explains why the next fails. */
async function checkBroker(call: BrokerCall): Promise<readonly Finding[]> {
  const options = await optionsOf(call);
  if (options.faults.length > 0)
    return options.faults.map((what) => ({ state: 'fail', what, cure: 'Correct the option.' }));
  const reached = await checkBootstrap(connectionNameOf(call, options), options);
  if (reached.length > 0 && reached.every(({ state }) => state === 'fail')) return reached;
  const handlers = await handlersFor(call, connectionNameOf(call, options));
  try {
    return await withBroker(call, async (broker) => [
      ...reached,
      { state: 'ok', what: `connection ${broker.name} is up, and the login is accepted` },
      ...(await checkServers(broker)),
      ...(await checkRegistry(broker, handlers)),
      ...(await checkTopics(broker, handlers, call.place)),
    ]);
  } catch (error) {
    if (error instanceof MessagingError) return [...reached, toFinding(error, call.place)];
    throw error;
  }
}

async function checkBootstrap(name: string, { connections }: ResolvedMessagingOptions): Promise<readonly Finding[]> {
  const settings = connections.get(name);
  if (settings?.kind === 'redis') {
    const { hostname, port } = new URL(settings.options.url);
    return [
      await checkAddress(hostname, Number(port || 6379), 'Start the server, correct `url`, or open the way to it.'),
    ];
  }
  if (settings?.kind !== 'kafka') return [];
  const cure = 'Start the broker, correct `bootstrapServers`, or open the way to it.';
  return Promise.all(
    settings.options.bootstrapServers.map((server) => {
      const at = server.lastIndexOf(':');
      return checkAddress(server.slice(0, at).replace(/^\[|\]$/g, ''), Number(server.slice(at + 1)), cure);
    }),
  );
}

async function handlersFor({ options }: BrokerCall, connection: string): Promise<readonly HandlerDefinition[]> {
  if (options.app === undefined) return [];
  const app = await openApp(options.app, ['error']);
  return handlersOf(app).definitions.handlers.filter((handler) => handler.connection === connection);
}

function toFinding(error: MessagingError, place: Place): Finding {
  return { state: 'fail', what: error.message, cure: cureOf(error, place) };
}

function cureOf(error: MessagingError, place: Place): string {
  if (place === 'redis') return 'Do what the text says, or look at the log of the server.';
  if (error instanceof AuthenticationError)
    return 'Correct `securityProtocol`, `saslMechanism`, the user and the certificates; compare with the listener of the broker.';
  if (error instanceof AuthorizationError) return 'Grant this user the permission that the text names.';
  return 'Look at the log of the brokers.';
}
