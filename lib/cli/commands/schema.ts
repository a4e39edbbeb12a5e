import { ConfigurationError } from '../../core/errors.js';
import { IncompatibleSchemaError, InvalidSchemaError } from '../../registry/errors.js';
import { withSchemas, type AppSchema } from '../app/app-schemas.js';
import { requireApp } from '../app/find-app.js';
import { lookIntoApp } from '../app/open-app.js';
import { defineCommand, type CliValues } from '../command/command.js';
import { appOptions, json } from '../command/common-options.js';
import { EXIT } from '../exit-code.js';
import type { Terminal } from '../terminal/terminal.js';

const options = { ...appOptions, json };
const WHICH =
  'They are those of output topics, of topics of @Producer, and of topics of forFeature that no handler reads. The app is loaded and not started; no broker is asked.';

export const checkSchemas = defineCommand({
  name: 'schema check',
  places: [''],
  summary: 'ask the registry whether it would take the schemas of what the app writes',
  details: `${WHICH} Nothing is registered. Ends with 1 when a schema is refused.`,
  args: '',
  options,
  examples: ['schema check', 'schema check --app dist/app.module.js --json'],
  run: (call) => eachSchema(call, (schemas) => Promise.all(schemas.map(checked))),
});

export const registerSchemas = defineCommand({
  name: 'schema register',
  places: [''],
  summary: 'register the schemas of what the app writes',
  details: `${WHICH} For a deployment whose services do not register themselves (schemaRegistryAutoRegister: false). When one of them is refused, none is registered, and it ends with 1.`,
  args: '',
  options,
  examples: ['schema register', 'schema register --app dist/app.module.js --json'],
  run: (call) =>
    eachSchema(call, async (schemas) => {
      const found = await Promise.all(schemas.map(checked));
      if (found.some(isRefused)) return found;
      return Promise.all(schemas.map(registered));
    }),
});

/** What the registry says of a schema. */
interface Row {
  readonly connection: string;
  readonly topic: string;
  readonly subject: string;
  readonly result: 'compatible' | 'registered' | 'refused';
  readonly id?: number;
  readonly reasons: readonly string[];
}

interface Call {
  readonly options: CliValues<typeof options>;
  readonly terminal: Terminal;
}

async function eachSchema(
  { options: { app, json: asJson }, terminal }: Call,
  ask: (schemas: readonly AppSchema[]) => Promise<readonly Row[]>,
): Promise<void> {
  const content = await lookIntoApp(requireApp(process.cwd(), app), terminal);
  if (content.options.faults.length > 0) throw new ConfigurationError(content.options.faults);
  const rows = await withSchemas(content, ask);
  if (rows.some(isRefused)) terminal.exitCode = EXIT.failed;
  if (rows.length === 0 && !asJson)
    return terminal.tell('The app declares to write nothing that has a schema in a registry.');
  await terminal.rows(
    rows,
    [
      { title: 'topic', value: ({ topic }) => topic },
      { title: 'subject', value: ({ subject }) => subject },
      { title: 'result', value: ({ result, id }) => (id === undefined ? result : `${result} as ${id}`) },
      { title: 'reasons', value: ({ reasons }) => reasons.join('; ') },
    ],
    { json: asJson },
  );
}

async function checked({ registry, schema, ...about }: AppSchema): Promise<Row> {
  try {
    const { isCompatible, messages } = await registry.compatibility(about.subject, schema);
    return { ...about, result: isCompatible ? 'compatible' : 'refused', reasons: messages };
  } catch (error) {
    return refused(about, error);
  }
}

async function registered({ registry, schema, ...about }: AppSchema): Promise<Row> {
  try {
    return { ...about, result: 'registered', id: await registry.idOf(about.subject, schema), reasons: [] };
  } catch (error) {
    return refused(about, error);
  }
}

/** @throws what is about the registry, not about the schema */
function refused(about: Omit<AppSchema, 'registry' | 'schema'>, error: unknown): Row {
  if (!(error instanceof IncompatibleSchemaError || error instanceof InvalidSchemaError)) throw error;
  return { ...about, result: 'refused', reasons: [error.message] };
}

function isRefused({ result }: Row): boolean {
  return result === 'refused';
}
