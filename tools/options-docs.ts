// Writes docs/options.md from the declarations in lib/options; with --check it fails when the file is out of date.
import { readFileSync, writeFileSync } from 'node:fs';
import ts from 'typescript';
import { consumerOptions, workerOptions } from '../lib/options/handler.options.js';
import { kafkaOptions } from '../lib/options/kafka.options.js';
import { memoryOptions } from '../lib/options/memory.options.js';
import { messagingOptions } from '../lib/options/messaging.options.js';
import { redisOptions } from '../lib/options/redis.options.js';
import { streamOptions } from '../lib/options/stream.options.js';
import type { OptionSet } from '../lib/options/option.js';
import { variableName } from '../lib/options/resolve-options.js';
import { kafkaSettings } from '../test/guards/kafka-settings.js';

interface Section {
  readonly title: string;
  readonly text: string;
  /** Where its options are declared: `<file>.options.ts`. */
  readonly files: readonly string[];
  readonly set: OptionSet;
  readonly variable?: (name: string) => string | undefined;
  /** The test that sees an option take effect. */
  readonly proofs?: Readonly<Record<string, { readonly file: string; readonly title: string }>>;
}

const ROOT_VARIABLES: Readonly<Record<string, string>> = { broker: 'MESSAGING_BROKER', groupId: 'MESSAGING_GROUP_ID' };

const sections: readonly Section[] = [
  {
    title: '`MessagingModule.forRoot`',
    text: 'Beside these: `kafka`, `redis`, `memory`, `connections` and `handlers`.',
    files: ['messaging'],
    set: messagingOptions,
    variable: (name) => ROOT_VARIABLES[name],
  },
  {
    title: '`kafka`',
    text: "Also of each entry of `connections` with `kind: 'kafka'`; those read no variables.",
    files: ['registry', 'avro', 'kafka'],
    set: kafkaOptions,
    variable: (name) => variableName('KAFKA_', name),
    proofs: kafkaSettings,
  },
  {
    title: '`redis`',
    text: "Also of each entry of `connections` with `kind: 'redis'`; those read no variables.",
    files: ['redis', 'registry', 'avro'],
    set: redisOptions,
    variable: (name) => (name === 'url' ? 'REDIS_URL' : undefined),
  },
  { title: '`memory`', text: 'The embedded broker.', files: ['memory', 'registry', 'avro'], set: memoryOptions },
  {
    title: '`@Consumer`',
    text: '`topic` is needed. `handlers` takes all of them but `name`.',
    files: ['handler', 'retry'],
    set: consumerOptions,
  },
  {
    title: '`@Worker`',
    text: 'All of `@Consumer` but `ack` and `ackTimeoutMs`, and:',
    files: ['handler', 'retry'],
    set: Object.fromEntries(Object.entries(workerOptions).filter(([name]) => !(name in consumerOptions))),
  },
  {
    title: '`ConsumerService.open`',
    text: '`topics` is needed.',
    files: ['stream'],
    set: streamOptions,
  },
];

const TARGET = 'docs/options.md';
const text = `# Options\n\nWritten by \`npm run docs\` from the declarations. Options in the code win over the environment, which wins over the defaults. What is wrong is told at start, all together.\n\n${sections.map(render).join('\n')}`;

if (!process.argv.includes('--check')) writeFileSync(TARGET, text);
else if (readFileSync(TARGET, 'utf8') !== text) {
  console.error(`${TARGET} is out of date; run: npm run docs`);
  process.exitCode = 1;
}

function render({ title, text: intro, files, set, variable, proofs }: Section): string {
  const docs = new Map(files.flatMap((file) => [...commentsOf(`lib/options/${file}.options.ts`)]));
  const rows = Object.entries(set).map(([name, option]) => {
    const standard = option.implied ?? option.default;
    const shown =
      standard === undefined || (Array.isArray(standard) && standard.length === 0)
        ? ''
        : `\`${Array.isArray(standard) ? standard.join(',') : `${standard as string | number | boolean}`}\``;
    const env = variable?.(name);
    const cells = [
      `\`${name}\``,
      docs.get(name) ?? '',
      option.expects,
      shown,
      ...(variable ? [env === undefined ? '' : `\`${env}\``] : []),
      ...(proofs?.[name] ? [`${proofs[name].title.trim()} (\`${proofs[name].file}\`)`] : []),
    ];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  const head = [
    'option',
    'meaning',
    'takes',
    'default',
    ...(variable ? ['variable'] : []),
    ...(proofs ? ['seen by'] : []),
  ];
  return `## ${title}\n\n${intro}\n\n| ${head.join(' | ')} |\n| ${head.map(() => '---').join(' | ')} |\n${rows.join('\n')}\n`;
}

/** The doc comment before each property of the file's object literals. */
function commentsOf(file: string): Map<string, string> {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2023, true);
  const found = new Map<string, string>();
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAssignment(node)) {
      const comment = ts.getJSDocCommentsAndTags(node)[0];
      if (comment && ts.isJSDoc(comment))
        found.set(node.name.getText(source), (ts.getTextOfJSDocComment(comment.comment) ?? '').replaceAll(/\s+/g, ' '));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}
