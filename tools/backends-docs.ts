// Writes the table of docs/kafka-backends.md from the features of both drivers; with --check it fails when the page is out of date.
import { readFileSync, writeFileSync } from 'node:fs';
import ts from 'typescript';
import { confluentFeatures } from '../lib/driver/confluent/confluent.features.js';
import type { KafkaFeatures } from '../lib/driver/kafka/kafka.features.js';
import { kafkajsFeatures } from '../lib/driver/kafkajs/kafkajs.features.js';

const TARGET = 'docs/kafka-backends.md';
const [START, END] = ['<!-- features: begin -->', '<!-- features: end -->'];

const page = readFileSync(TARGET, 'utf8');
const [before = '', rest = ''] = page.split(START);
const [, after = ''] = rest.split(END);
const text = `${before}${START}\n\n${table()}\n\n${END}${after}`;

if (!process.argv.includes('--check')) writeFileSync(TARGET, text);
else if (page !== text) {
  console.error(`${TARGET} is out of date; run: npm run docs`);
  process.exitCode = 1;
}

function table(): string {
  const docs = new Map(
    ['lib/driver/driver.ts', 'lib/driver/kafka/kafka.features.ts'].flatMap((file) => [...commentsOf(file)]),
  );
  const names = Object.keys(kafkajsFeatures) as (keyof KafkaFeatures)[];
  const rows = names.map((name) => {
    const cells = [`\`${name}\``, docs.get(name) ?? '', show(kafkajsFeatures[name]), show(confluentFeatures[name])];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return ['| feature | meaning | kafkajs | confluent |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function show(value: KafkaFeatures[keyof KafkaFeatures]): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return Array.isArray(value) ? value.map((one) => `\`${one}\``).join(', ') : `\`${String(value)}\``;
}

/** The doc comment before each property of the file's interfaces. */
function commentsOf(file: string): Map<string, string> {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2023, true);
  const found = new Map<string, string>();
  const visit = (node: ts.Node): void => {
    if (ts.isPropertySignature(node)) {
      const comment = ts.getJSDocCommentsAndTags(node)[0];
      if (comment && ts.isJSDoc(comment))
        found.set(node.name.getText(source), (ts.getTextOfJSDocComment(comment.comment) ?? '').replaceAll(/\s+/g, ' '));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}
