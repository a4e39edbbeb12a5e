import { sleep, type Clock } from '../core/clock.js';
import type { ResolvedRegistryOptions } from '../options/registry.options.js';
import { IncompatibleSchemaError, SchemaNotFoundError, SchemaRegistryError } from './errors.js';
import type { RegistryRequest } from './registry-http.js';
import { RegistryRequests } from './registry-requests.js';

const NEGATIVE_TTL_MS = 5_000;
const MAX_CACHED = 5_000;
/** Ids that the registry does not know, in a second. */
const MAX_MISSES = 20;
const SECOND_MS = 1_000;
/** What kept messages waiting counts as trouble for so long, in ms; they ask again every few seconds. */
const TROUBLE_MS = 60_000;

/** A schema as the registry has it. */
export interface RegisteredSchema {
  /** `AVRO`, `JSON` or `PROTOBUF`. */
  readonly schemaType: string;
  readonly schema: string;
  /** What the schema refers to by name, each after those it needs itself. */
  readonly references: readonly string[];
}

interface Reference {
  readonly name: string;
  readonly subject: string;
  readonly version: number;
}

interface SchemaBody {
  readonly schema: string;
  readonly schemaType?: string;
  readonly references?: readonly Reference[];
}

/** What a subject says of a schema that is not registered yet. */
export interface Compatibility {
  readonly isCompatible: boolean;
  readonly messages: readonly string[];
}

/**
 * A client of a schema registry. Ids never change their schema, so what is known is kept; one request serves all who wait for the same;
 * an id that is not there is asked for again after five seconds.
 */
export class SchemaRegistry {
  private readonly requests: RegistryRequests;
  private readonly schemas = new Map<string, Promise<RegisteredSchema>>();
  private readonly ids = new Map<string, Promise<number>>();
  private failed: { readonly error: SchemaRegistryError; readonly at: number } | undefined;
  private readonly missing = new Map<string, { readonly until: number; readonly error: SchemaNotFoundError }>();
  /** When the last ones were found missing, in ms since the epoch. */
  private readonly misses: number[] = [];

  constructor(
    private readonly options: ResolvedRegistryOptions,
    private readonly clock: Clock,
  ) {
    this.requests = new RegistryRequests(options, clock);
  }

  /** What messages wait for: it does not answer, or not to us. Undefined while all is well. */
  get trouble(): SchemaRegistryError | undefined {
    const { error, at } = this.failed ?? {};
    return at !== undefined && this.clock.now() - at < TROUBLE_MS ? error : undefined;
  }

  /** The schema of an id from a message. @throws SchemaNotFoundError, or another SchemaRegistryError */
  byId(id: number): Promise<RegisteredSchema> {
    return this.schemaAt(`/schemas/ids/${id}`);
  }

  /** The same for the newer wire format, which names a schema by a UUID. */
  byGuid(guid: string): Promise<RegisteredSchema> {
    return this.schemaAt(`/schemas/guids/${guid}`);
  }

  /** The id of a schema under a subject: registered if need be, or only looked up where `autoRegister` is off. */
  idOf(subject: string, schema: string): Promise<number> {
    const path = `/subjects/${encodeURIComponent(subject)}`;
    const { schemaRegistryAutoRegister: isRegistering, schemaRegistryNormalize } = this.options;
    const query = schemaRegistryNormalize ? '?normalize=true' : '';
    const request = {
      method: 'POST',
      path: `${isRegistering ? `${path}/versions` : path}${query}`,
      body: { schema },
    } as const;
    return shared(this.ids, JSON.stringify([subject, schema]), async () => {
      try {
        return ((await this.ask(request)) as { readonly id: number }).id;
      } catch (error) {
        throw error instanceof IncompatibleSchemaError ? await this.explained(error, subject, schema) : error;
      }
    });
  }

  /** The subjects that have the schema of an id. */
  async subjectsOf(id: number): Promise<readonly string[]> {
    const body = await this.ask({ method: 'GET', path: `/schemas/ids/${id}/versions` });
    return (body as readonly { readonly subject: string }[]).map(({ subject }) => subject);
  }

  /** Whether a subject takes a schema; one without versions takes any. */
  async compatibility(subject: string, schema: string): Promise<Compatibility> {
    const path = `/compatibility/subjects/${encodeURIComponent(subject)}/versions/latest?verbose=true`;
    try {
      const body = await this.requests.ask({ method: 'POST', path, body: { schema } });
      const { is_compatible, messages = [] } = body as {
        readonly is_compatible: boolean;
        readonly messages?: string[];
      };
      return { isCompatible: is_compatible, messages };
    } catch (error) {
      if ((error as { readonly status?: number }).status === 404) return { isCompatible: true, messages: [] };
      throw error;
    }
  }

  /** Asks once, for what costs it nothing. @throws SchemaRegistryError when it does not answer, or not to this login. */
  async check(): Promise<void> {
    await this.requests.ask({ method: 'GET', path: '/schemas/types' }, 0);
  }

  close(): void {
    this.requests.close();
  }

  /** The same request, of which is remembered whether it can be made. */
  private async ask(request: RegistryRequest): Promise<unknown> {
    try {
      const body = await this.requests.ask(request);
      this.failed = undefined;
      return body;
    } catch (error) {
      const waits = error instanceof SchemaRegistryError && error.pausesPartition;
      this.failed = waits ? { error, at: this.clock.now() } : undefined;
      throw error;
    }
  }

  /** With what the subject says of it, which not every registry tells at once. */
  private async explained(error: IncompatibleSchemaError, subject: string, schema: string): Promise<Error> {
    const { messages } = await this.compatibility(subject, schema).catch(() => ({ messages: [] })); // it was only to tell more
    return new IncompatibleSchemaError(error.message, error, messages);
  }

  private schemaAt(path: string): Promise<RegisteredSchema> {
    const known = this.missing.get(path);
    if (known && known.until > this.clock.now()) return Promise.reject(known.error);
    this.missing.delete(path);
    return shared(this.schemas, path, () => this.fetch(path));
  }

  private async fetch(path: string): Promise<RegisteredSchema> {
    await this.untilWelcome();
    try {
      const body = (await this.ask({ method: 'GET', path })) as SchemaBody;
      const references = await this.referencesOf(body, new Set());
      return { schema: body.schema, schemaType: body.schemaType ?? 'AVRO', references };
    } catch (error) {
      if (error instanceof SchemaNotFoundError) this.remember(path, error);
      throw error;
    }
  }

  /** Ids come from messages, and somebody may invent them: after many that are unknown the registry has a rest. */
  private async untilWelcome(): Promise<void> {
    for (;;) {
      const restMs = (this.misses[0] ?? 0) + SECOND_MS - this.clock.now();
      if (this.misses.length < MAX_MISSES || restMs <= 0) return;
      await sleep(this.clock, restMs);
    }
  }

  /** Depth first, each once: a schema stands after all it refers to. */
  private async referencesOf({ references = [] }: SchemaBody, seen: Set<string>): Promise<string[]> {
    const found: string[] = [];
    for (const { subject, version } of references) {
      const path = `/subjects/${encodeURIComponent(subject)}/versions/${version}`;
      if (seen.has(path)) continue;
      seen.add(path);
      const body = (await this.ask({ method: 'GET', path })) as SchemaBody;
      found.push(...(await this.referencesOf(body, seen)), body.schema);
    }
    return found;
  }

  private remember(path: string, error: SchemaNotFoundError): void {
    if (this.missing.size >= MAX_CACHED) this.missing.clear(); // ids come from messages: somebody may invent them
    this.missing.set(path, { until: this.clock.now() + NEGATIVE_TTL_MS, error });
    this.misses.push(this.clock.now());
    if (this.misses.length > MAX_MISSES) this.misses.shift();
  }
}

/** One request for all who ask for the same; a failed one is forgotten. What was not asked for longest goes when there are too many. */
function shared<Value>(cache: Map<string, Promise<Value>>, key: string, make: () => Promise<Value>): Promise<Value> {
  const known = cache.get(key);
  const made = known ?? make();
  cache.delete(key);
  cache.set(key, made);
  if (known) return known;
  made.catch(() => cache.delete(key));
  const [oldest] = cache.keys();
  if (cache.size > MAX_CACHED && oldest !== undefined) cache.delete(oldest);
  return made;
}
