import { connect } from 'node:net';
import { MessagingError } from '../../core/errors.js';
import type { HandlerDefinition } from '../../worker/handler-definition.js';
import type { ResolvedConnection } from '../../options/connection.options.js';
import { writtenTopics, type UsedTopics } from '../../worker/prepare-schemas.js';
import type { Broker } from './open-broker.js';

const TIMEOUT_MS = 3_000;

/** A connection to a broker in a process of its own. */
export type RemoteConnection = Exclude<ResolvedConnection, { readonly kind: 'memory' }>;
type BrokerKind = RemoteConnection['kind'];

/** One thing that was looked at: how it is, and what to do about it. */
export interface Finding {
  readonly state: 'ok' | 'warn' | 'fail';
  readonly what: string;
  readonly cure?: string;
}

/** The addresses that are asked first. */
export async function checkBootstrap({ kind, options }: RemoteConnection): Promise<readonly Finding[]> {
  if (kind === 'redis') {
    const { hostname, port } = new URL(options.url);
    return [
      await checkAddress(hostname, Number(port || 6379), 'Start the server, correct `url`, or open the way to it.'),
    ];
  }
  const cure = 'Start the broker, correct `bootstrapServers`, or open the way to it.';
  return Promise.all(
    options.bootstrapServers.map((server) => {
      const at = server.lastIndexOf(':');
      return checkAddress(server.slice(0, at).replace(/^\[|\]$/g, ''), Number(server.slice(at + 1)), cure);
    }),
  );
}

/** Whether something listens there. */
async function checkAddress(host: string, port: number, cure: string): Promise<Finding> {
  const address = `${host}:${port}`;
  const error = await knock(host, port);
  if (error === undefined) return { state: 'ok', what: `${address} answers` };
  return { state: 'fail', what: `${address} does not answer: ${error}`, cure };
}

/** Each server at the address that it sends its clients to, which may not be the one that was asked first. */
export async function checkServers({ admin }: Broker): Promise<readonly Finding[]> {
  const servers = await admin.listServers();
  const cure = 'Set `advertised.listeners` of this server to an address that is reachable from here.';
  const findings = await Promise.all(servers.map(({ host, port }) => checkAddress(host, port, cure)));
  return findings.map((one, index) => ({ ...one, what: `server ${servers[index]?.id}, as advertised: ${one.what}` }));
}

/** Whether the schema registry answers this login, where one is named, or topics of the app are Avro. */
export async function checkRegistry({ formats }: Broker, used: UsedTopics): Promise<readonly Finding[]> {
  const registry = formats.registryFor([...used.handlers.map(({ refs }) => refs.topic), ...writtenTopics(used)]);
  if (!registry) return [];
  try {
    await registry.check();
    return [{ state: 'ok', what: 'the schema registry answers, and the login is accepted' }];
  } catch (error) {
    if (!(error instanceof MessagingError)) throw error;
    return [
      {
        state: 'fail',
        what: error.message,
        cure: 'Start it, or correct the options that begin with `schemaRegistry`.',
      },
    ];
  }
}

/** The topics that the handlers need. */
export async function checkTopics(
  { driver }: Broker,
  handlers: readonly HandlerDefinition[],
  kind: BrokerKind,
): Promise<readonly Finding[]> {
  const wanted = [...new Set(handlers.flatMap(topicsOf))];
  const found = new Map((await driver.admin.describe(wanted)).map(({ topic, partitions }) => [topic, partitions]));
  const missing = wanted.filter((topic) => !found.has(topic));
  return [
    ...missing.map((topic) => ({
      state: 'warn' as const,
      what: `topic ${topic} does not exist`,
      cure: `messaging ${kind} create-topic ${topic}; or let the app do it at start (ensureTopics: 'create')`,
    })),
    ...handlers.flatMap((handler) => checkConcurrency(handler, found.get(handler.topic), kind)),
  ];
}

function topicsOf({ topic, outputTopic, deadLetter, retryTopics }: HandlerDefinition): string[] {
  const dead = deadLetter.kind === 'topic' ? [deadLetter.topic] : [];
  return [topic, ...(outputTopic === undefined ? [] : [outputTopic]), ...dead, ...retryTopics.keys()];
}

/** Where order is that of the partition, no more calls run at once than there are partitions. */
function checkConcurrency(
  { name, topic, dispatch }: HandlerDefinition,
  partitions: number | undefined,
  kind: BrokerKind,
): Finding[] {
  const { concurrency, ordering } = dispatch;
  if (partitions === undefined) return [];
  if (ordering !== 'partition' || concurrency <= partitions)
    return [{ state: 'ok', what: `${name}: concurrency ${concurrency} on ${partitions} partitions of ${topic}` }];
  return [
    {
      state: 'warn',
      what: `${name}: concurrency ${concurrency}, but only ${partitions} partitions of ${topic} in strict order`,
      cure: `${kind === 'kafka' ? `messaging kafka add-partitions ${topic} --partitions ${concurrency}; or ` : ''}ordering: 'key'; or a lower concurrency`,
    },
  ];
}

function knock(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: TIMEOUT_MS });
    const end = (fault: string | undefined) => {
      socket.destroy();
      resolve(fault);
    };
    socket.once('connect', () => end(undefined));
    socket.once('timeout', () => end(`no answer within ${TIMEOUT_MS} ms`));
    socket.once('error', (error) => end(error.message));
  });
}
