import { AuthenticationError, AuthorizationError, ConfigurationError, MessagingError } from '../../core/errors.js';
import type { ResolvedConnection } from '../../options/connection.options.js';
import { findApp, namedApp } from '../app/find-app.js';
import { lookIntoApp, type AppContent } from '../app/open-app.js';
import { checkBootstrap, checkRegistry, checkServers, checkTopics, type Finding } from '../broker/checks.js';
import { connectionOf, optionsOf, withConnection, type BrokerCall } from '../broker/open-broker.js';
import { defineCommand } from '../command/command.js';
import { brokerOptions, json } from '../command/common-options.js';
import { EXIT } from '../exit-code.js';
import type { Terminal } from '../terminal/terminal.js';

const { bootstrapServers, url, app, connection } = brokerOptions;

export const doctor = defineCommand({
  name: 'doctor',
  places: ['', 'kafka', 'redis'],
  summary: 'look for what is wrong with the brokers, the login and the app, with a cure for each',
  details:
    'With an app (--app, or found), its options are used and its handlers are checked too: `messaging doctor` looks at each connection that they use, under `kafka` and `redis` at one. Ends with 1 when something fails; warnings are no failure.',
  args: '',
  options: { bootstrapServers, url, app, connection, json },
  examples: ['doctor', 'doctor --app dist/app.module.js --json'],
  async run({ place, options, terminal }) {
    const findings = await examine({ place, options, terminal });
    for (const finding of findings)
      if (options.json) await terminal.printJson(finding);
      else await terminal.print(lineOf(finding, terminal));
    terminal.exitCode = findings.some(({ state }) => state === 'fail') ? EXIT.failed : EXIT.done;
  },
});

/** A cure is a line of its own, since it is read as a whole and copied. */
function lineOf({ state, what, cure }: Finding, { colors }: Terminal): string {
  const color = { ok: colors.green, warn: colors.yellow, fail: colors.red }[state];
  return `${color(state.padEnd(4))}  ${what}${cure === undefined ? '' : `\n      → ${cure}`}`;
}

const noApp: Finding = {
  state: 'warn',
  what: 'no app was looked at',
  cure: 'Build it and name it with --app, to have its topics and handlers checked.',
};

async function examine(call: BrokerCall): Promise<readonly Finding[]> {
  const { bootstrapServers: servers, url: address, app: given } = call.options;
  const isForeign = given === undefined && (servers ?? address) !== undefined;
  const file = isForeign ? undefined : given === undefined ? findApp(process.cwd(), given) : namedApp(given);
  try {
    if (file !== undefined) return await checkApp(call, await lookIntoApp(file, call.terminal));
    const options = await optionsOf(call);
    return [
      ...(await checkConnection(connectionOf(call, options), { options, handlers: [], topics: [] }, call.terminal)),
      noApp,
    ];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.faults.map((what) => ({ state: 'fail', what, cure: 'Correct what the text names.' }));
  }
}

async function checkApp(call: BrokerCall, content: AppContent): Promise<readonly Finding[]> {
  const { handlers, topics, options } = content;
  if (options.faults.length > 0) throw new ConfigurationError(options.faults);
  const all = call.place === '' && call.options.connection === undefined;
  const used = new Set([options.broker, ...[...handlers, ...topics].map(({ connection }) => connection)]);
  const chosen = all
    ? [...used].map((name) => connectionOf({ ...call, options: { connection: name } }, options))
    : [connectionOf(call, options)];
  return (await Promise.all(chosen.map((one) => checkConnection(one, content, call.terminal)))).flat();
}

/** Step by step, since each explains why the next fails. */
async function checkConnection(
  settings: ResolvedConnection,
  { options, handlers, topics }: AppContent,
  terminal: Terminal,
): Promise<readonly Finding[]> {
  if (settings.kind === 'memory') return [{ state: 'ok', what: `connection ${settings.name} is embedded in the app` }];
  const reached = await checkBootstrap(settings);
  if (reached.length > 0 && reached.every(({ state }) => state === 'fail')) return reached;
  const own = handlers.filter(({ connection }) => connection === settings.name);
  const declared = topics.filter(({ connection }) => connection === settings.name);
  try {
    return await withConnection(settings, { options, terminal }, async (broker) => [
      ...reached,
      { state: 'ok', what: `connection ${broker.name} is up, and the login is accepted` },
      ...(await checkServers(broker)),
      ...(await checkRegistry(broker, { handlers: own, declared })),
      ...(await checkTopics(broker, own, settings.kind)),
    ]);
  } catch (error) {
    if (error instanceof MessagingError)
      return [...reached, { state: 'fail', what: error.message, cure: cureOf(error, settings) }];
    throw error;
  }
}

function cureOf(error: MessagingError, { kind }: ResolvedConnection): string {
  if (kind === 'redis') return 'Do what the text says, or look at the log of the server.';
  if (error instanceof AuthenticationError)
    return 'Correct `securityProtocol`, `saslMechanism`, the user and the certificates; compare with the listener of the broker.';
  if (error instanceof AuthorizationError) return 'Grant this user the permission that the text names.';
  return 'Look at the log of the brokers.';
}
