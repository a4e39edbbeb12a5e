import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { fencesOf, moduleOf, type Fence } from './examples/fences.js';

const FOLDER = resolve('test/guards/examples');
const PAGES = ['README.md', ...readdirSync('docs').map((name) => `docs/${name}`)].filter((name) =>
  name.endsWith('.md'),
);
/** As a new app of Nest has it. */
const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  lib: ['lib.es2023.d.ts'],
  module: ts.ModuleKind.NodeNext,
  types: ['node', 'reflect-metadata'],
  strict: true,
  strictPropertyInitialization: false,
  noEmit: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  skipLibCheck: true,
  paths: {
    'nestjs-messaging': [resolve('lib/index.ts')],
    'nestjs-messaging/avro': [resolve('lib/avro/index.ts')],
    'nestjs-messaging/testing': [resolve('lib/testing/index.ts')],
  },
};

const imports = new Map<string, string>([
  ...names('vitest', ['expect', 'it']),
  ...names('@nestjs/common', ['Controller', 'Get', 'Inject', 'Injectable', 'Module', 'ParseIntPipe']),
  ...names('@nestjs/core', ['ModulesContainer', 'NestFactory']),
  ...names('@nestjs/microservices', [
    'ClientKafka',
    'Ctx',
    'EventPattern',
    'KafkaContext',
    'MicroserviceOptions',
    'Payload',
    'Server',
    'Transport',
  ]),
  ...names('@nestjs/terminus', ['HealthCheck', 'HealthCheckService']),
  ...names('@nestjs/testing', ['Test']),
  ...names('nestjs-messaging/avro', exportsOf('lib/avro/index.ts')),
  ...names('nestjs-messaging/testing', exportsOf('lib/testing/index.ts')),
  ...names('nestjs-messaging', exportsOf('lib/index.ts')),
]);

const fences = PAGES.flatMap(fencesOf);

describe('the examples', () => {
  const faults = compile(fences);

  it('are there', () => {
    expect(fences.length).toBeGreaterThan(15);
  });

  it.each(fences.map((fence) => [`${fence.page}:${fence.line}`]))('of %s compile', (place) => {
    expect(faults.get(place) ?? []).toEqual([]);
  });
});

/** What the compiler says of each, by its place. */
function compile(examples: readonly Fence[]): ReadonlyMap<string, readonly string[]> {
  const places = new Map(examples.map((fence, index) => [`${FOLDER}/example-${index}.ts`, fence]));
  const host = ts.createCompilerHost(OPTIONS, true);
  const { fileExists, readFile, getSourceFile } = host;
  const sourceOf = (file: string) => {
    const fence = places.get(file);
    return fence && moduleOf(fence.code, imports);
  };
  host.fileExists = (file) => places.has(file) || fileExists(file);
  host.readFile = (file) => sourceOf(file) ?? readFile(file);
  host.getSourceFile = (file, version, ...rest) => {
    const text = sourceOf(file);
    return text === undefined ? getSourceFile(file, version, ...rest) : ts.createSourceFile(file, text, version, true);
  };
  const program = ts.createProgram([...places.keys(), `${FOLDER}/surroundings.ts`], OPTIONS, host);
  return new Map(
    [...places].map(([file, { page, line }]) => {
      const diagnostics = ts.getPreEmitDiagnostics(program, program.getSourceFile(file));
      return [`${page}:${line}`, diagnostics.map(textOf)];
    }),
  );
}

function textOf({ file, start = 0, messageText }: ts.Diagnostic): string {
  const line = file?.text.slice(0, start).split('\n').length ?? 1;
  return `${file?.text.split('\n')[line - 1]?.trim()}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
}

function names(from: string, list: readonly string[]): [string, string][] {
  return list.map((name) => [name, from]);
}

function exportsOf(file: string): string[] {
  const lists = readFileSync(file, 'utf8').matchAll(/export (?:type )?\{([^}]*)\}/g);
  return [...lists].flatMap(([, list = '']) => (list.match(/\w+/g) ?? []).filter((name) => name !== 'type'));
}
