import { sleep, type Clock } from '../core/clock.js';
import { MessagingError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import type { Connection } from '../connection/connection.js';
import type { DeclaredTopic, HandlerRegistry } from '../discovery/handler.registry.js';
import type { ResolvedMessagingOptions } from '../options/messaging.options.js';
import { SchemaRegistryError } from '../registry/errors.js';
import { ensureTopics } from './ensure-topics.js';
import type { HandlerDefinition } from './handler-definition.js';
import { prepareSchemas } from './prepare-schemas.js';
import { planOf } from './topic-drift.js';

/** Between two looks after the topics of a broker that went away. */
const PAUSE_MS = { first: 250, longest: 30_000 };

export interface PreparationParts {
  readonly options: ResolvedMessagingOptions;
  readonly registry: HandlerRegistry;
  readonly clock: Clock;
  readonly log: Log;
}

/** Looks after topics and schemas, once a connection, before anything is read. */
export class Preparation {
  private readonly begun = new Map<Connection, Promise<void>>();
  private readonly ended = new AbortController();

  constructor(private readonly parts: PreparationParts) {}

  /** Resolves with what its broker cannot do for the moment, as one that is away; undefined when all is looked after. */
  async first(connection: Connection): Promise<MessagingError | undefined> {
    try {
      await this.of(connection);
      return undefined;
    } catch (error) {
      if (isPassing(error) && !(error instanceof SchemaRegistryError)) return error;
      throw error;
    }
  }

  /** Again and again, while it can still succeed, and until `stop`. */
  async surely(connection: Connection): Promise<void> {
    const { clock, log } = this.parts;
    const { signal } = this.ended;
    for (let pauseMs = PAUSE_MS.first; !signal.aborted; pauseMs = Math.min(pauseMs * 2, PAUSE_MS.longest)) {
      await connection.open();
      try {
        return await this.of(connection);
      } catch (error) {
        if (signal.aborted || !isPassing(error)) throw error;
        log.warn(
          `Topics and schemas of connection \`${connection.name}\` are looked after again in ${pauseMs} ms: ${error.message}`,
        );
      }
      await sleep(clock, pauseMs, signal);
    }
  }

  /** Tries no more. */
  stop(): void {
    this.ended.abort();
  }

  handlersOf({ name }: Connection): readonly HandlerDefinition[] {
    return this.parts.registry.definitions.handlers.filter(({ connection }) => connection === name);
  }

  private of(connection: Connection): Promise<void> {
    const known = this.begun.get(connection);
    if (known) return known;
    const work = this.createTopics(connection).then(() => this.prepareSchemas(connection));
    this.begun.set(connection, work);
    work.catch(() => this.begun.delete(connection)); // who asks next tries again
    return work;
  }

  private prepareSchemas(connection: Connection): Promise<void> {
    const declared = this.topicsOf(connection);
    return prepareSchemas(connection.formats, { handlers: this.handlersOf(connection), declared }, this.parts.log);
  }

  private async createTopics(connection: Connection): Promise<void> {
    const { options, log } = this.parts;
    const { admin } = await connection.open();
    const classes = this.topicsOf(connection).map(({ topic }) => topic);
    const wanted = { handlers: this.handlersOf(connection), classes };
    for (const drift of await ensureTopics(admin, options.ensureTopics, wanted)) log.warn(planOf(drift));
  }

  private topicsOf({ name }: Connection): readonly DeclaredTopic[] {
    return this.parts.registry.definitions.topics.filter(({ connection }) => connection === name);
  }
}

function isPassing(error: unknown): error is MessagingError {
  return error instanceof MessagingError && error.retryable;
}
