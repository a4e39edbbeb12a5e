import { Connection } from '../../connection/connection.js';
import { systemClock } from '../../core/clock.js';
import { driverFactory } from '../../driver/driver.factory.js';
import type { ResolvedConnection } from '../../options/connection.options.js';
import type { SchemaRegistry } from '../../registry/schema-registry.js';
import { writtenTopics } from '../../worker/prepare-schemas.js';
import type { AppContent } from './open-app.js';

/** A schema of what an app writes, and the registry that it belongs in. */
export interface AppSchema {
  readonly connection: string;
  readonly topic: string;
  readonly subject: string;
  readonly schema: string;
  readonly registry: SchemaRegistry;
}

/** Hands over the schemas that the app's topic classes have in a registry; no broker is asked. The client registers, whatever the app does. */
export async function withSchemas<T>(
  { options, handlers, topics }: AppContent,
  use: (schemas: readonly AppSchema[]) => Promise<T>,
): Promise<T> {
  const all = [...options.connections.values()].map((settings) => ({
    name: settings.name,
    formats: formatsOf(settings),
  }));
  try {
    const schemas = all.flatMap(({ name, formats }) => {
      const own = { handlers: handlers.filter(isOf(name)), declared: topics.filter(isOf(name)) };
      return writtenTopics(own).flatMap((topic) =>
        formats.subjectsOf(topic).map((one) => ({
          ...one,
          connection: name,
          topic: topic.topicName,
          registry: formats.registry as SchemaRegistry,
        })),
      );
    });
    return await use(schemas);
  } finally {
    for (const { formats } of all) formats.close();
  }
}

function formatsOf(settings: ResolvedConnection) {
  const registering = { ...settings.options, schemaRegistryAutoRegister: true };
  const parts = { drivers: driverFactory, clock: systemClock, log: SILENT };
  return new Connection({ ...settings, options: registering } as ResolvedConnection, parts).formats;
}

/** A connection that is never opened has nothing to say. */
const SILENT = { debug() {}, log() {}, warn() {}, error() {} };

function isOf(name: string): (one: { readonly connection: string }) => boolean {
  return ({ connection }) => connection === name;
}
