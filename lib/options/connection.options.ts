import { checkKafkaOptions, kafkaOptions, type KafkaOptions, type ResolvedKafkaOptions } from './kafka.options.js';
import { memoryOptions, type MemoryOptions, type ResolvedMemoryOptions } from './memory.options.js';
import { checkRegistryOptions } from './registry.options.js';
import { checkRedisOptions, redisOptions, type RedisOptions, type ResolvedRedisOptions } from './redis.options.js';
import { expected, resolveOptions, variableName, type Environment } from './resolve-options.js';
import { didYouMean } from './suggest.js';

/** A connection under a name of its own. */
export type ConnectionOptions =
  | ({ readonly kind: 'kafka' } & KafkaOptions)
  | ({ readonly kind: 'redis' } & RedisOptions)
  | ({ readonly kind: 'memory' } & MemoryOptions);

type Kind = ConnectionOptions['kind'];

export type ResolvedConnection = (
  | { readonly kind: 'kafka'; readonly options: ResolvedKafkaOptions }
  | { readonly kind: 'redis'; readonly options: ResolvedRedisOptions }
  | { readonly kind: 'memory'; readonly options: ResolvedMemoryOptions }
) & {
  readonly name: string;
  /** A client id that somebody chose, as the last resort for a group id. */
  readonly explicitClientId: string | undefined;
};

interface Source {
  readonly env: Environment;
  readonly faults: string[];
}

/** The standard connections, which exist without being configured, and those with names of their own. */
export function resolveConnections(
  standard: Readonly<Record<Kind, object | undefined>>,
  named: Readonly<Record<string, ConnectionOptions>>,
  source: Source,
): ReadonlyMap<string, ResolvedConnection> {
  const connections = new Map<string, ResolvedConnection>();
  for (const [kind, input] of Object.entries(standard) as [Kind, object | undefined][])
    connections.set(kind, resolveConnection(kind, { ...source, name: kind, path: `${kind}.`, input }));
  for (const [name, input] of Object.entries(named)) {
    const path = `connections.${name}.`;
    if (Object.hasOwn(standard, name)) source.faults.push(takenName(name));
    else if (!Object.hasOwn(standard, input.kind))
      source.faults.push(expected(`${path}kind`, oneOfKinds(standard), input.kind));
    else connections.set(name, namedConnection(name, path, input, source));
  }
  return connections;
}

export function unknownConnection(option: string, name: string, known: Iterable<string>): string {
  const names = [...known];
  const sentence = expected(option, `the name of a connection (${names.join(', ')})`, name);
  const hint = didYouMean(name, names);
  return hint === '' ? sentence : sentence.replace(/\.$/, hint);
}

/** The environment speaks of the standard connections only. */
function namedConnection(
  name: string,
  path: string,
  { kind, ...input }: ConnectionOptions,
  { faults }: Source,
): ResolvedConnection {
  return resolveConnection(kind, { name, path, input, env: {}, faults });
}

interface ConnectionSource extends Source {
  readonly name: string;
  readonly path: string;
  readonly input: object | undefined;
}

function resolveConnection(kind: Kind, source: ConnectionSource): ResolvedConnection {
  const { name } = source;
  switch (kind) {
    case 'kafka': {
      const variable = (option: string) => variableName('KAFKA_', option);
      const options = resolveOptions(kafkaOptions, { ...source, variable });
      source.faults.push(...checkKafkaOptions(options, source.path));
      return { name, kind, options, explicitClientId: explicitClientId(source) };
    }
    case 'redis': {
      const variable = (option: string) => (option === 'url' ? 'REDIS_URL' : undefined);
      const options = resolveOptions(redisOptions, { ...source, variable });
      source.faults.push(...checkRedisOptions(options, source.path));
      return { name, kind, options, explicitClientId: (source.input as RedisOptions | undefined)?.clientId };
    }
    case 'memory': {
      const options = resolveOptions(memoryOptions, source);
      source.faults.push(...checkRegistryOptions(options, source.path));
      return { name, kind, options, explicitClientId: undefined };
    }
  }
}

function explicitClientId({ input, env }: ConnectionSource): string | undefined {
  return (input as KafkaOptions | undefined)?.clientId ?? env['KAFKA_CLIENT_ID'];
}

function takenName(name: string): string {
  return `Connection \`connections.${name}\` has the name of a standard connection. Configure it as \`${name}: { … }\`, or rename it.`;
}

function oneOfKinds(kinds: object): string {
  return `one of ${Object.keys(kinds)
    .map((kind) => `\`${kind}\``)
    .join(', ')}`;
}
