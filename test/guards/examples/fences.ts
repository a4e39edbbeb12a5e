import { readFileSync } from 'node:fs';

/** A block of TypeScript in a page; one marked `ts before bullmq` is the code of a library that is not here. */
export interface Fence {
  readonly page: string;
  /** Where it begins, from 1. */
  readonly line: number;
  readonly code: string;
}

export function fencesOf(page: string): Fence[] {
  const found: Fence[] = [];
  let open: { line: number; lines: string[]; isOurs: boolean } | undefined;
  for (const [index, text] of readFileSync(page, 'utf8').split('\n').entries()) {
    const mark = /^```(.*)$/.exec(text)?.[1];
    if (mark === undefined) open?.lines.push(text);
    else if (!open) open = { line: index + 2, lines: [], isOurs: mark === 'ts' || mark === 'ts before' };
    else {
      if (open.isOurs) found.push({ page, line: open.line, code: open.lines.join('\n') });
      open = undefined;
    }
  }
  return found;
}

type Kind = 'import' | 'declaration' | 'member' | 'statement';

interface Chunk {
  readonly kind: Kind;
  readonly code: string;
}

/**
 * The module that a reader would make of a block: what is imported and declared stands at the top, members of a class are in a class, and
 * statements that say `this` or `return` in a method of it.
 */
export function moduleOf(code: string, imports: ReadonlyMap<string, string>): string {
  const chunks = chunksOf(code);
  const of = (...kinds: Kind[]) => chunks.filter(({ kind }) => kinds.includes(kind)).map((one) => one.code);
  const isInside = of('member').length > 0 || of('statement').some((text) => /\bthis\b|^return\b/m.test(text));
  const top = isInside ? of('declaration') : of('declaration', 'statement');
  const base = code.includes('constructor(') ? '' : ' extends Surroundings';
  const example = `export class Example${base} {\n${of('member').join('\n')}\n  async example() {\n${of('statement').join('\n')}\n  }\n}`;
  return [...of('import'), missingImports(code, imports), 'export {};', ...top, ...(isInside ? [example] : [])].join(
    '\n',
  );
}

function chunksOf(code: string): Chunk[] {
  const chunks: string[][] = [];
  for (const line of code.split('\n')) {
    const last = chunks.at(-1);
    const isStart = /^[^\s)}\]]/.test(line) && !(last && isWaiting(last));
    if (isStart || !last) chunks.push([line]);
    else last.push(line);
  }
  return chunks.map((lines) => ({ kind: kindOf(lines), code: lines.join('\n') }));
}

/** Decorators and comments belong to what follows them. */
function isWaiting(lines: readonly string[]): boolean {
  return lines.every((line) => /^(@|\/\/|\s|[)}\]]|$)/.test(line));
}

function kindOf(lines: readonly string[]): Kind {
  const first = lines.find((line) => /^[^@/\s)}\]]/.test(line)) ?? '';
  if (first.startsWith('import ')) return 'import';
  if (/^(export|class|abstract|interface|type|enum|declare)\b/.test(first)) return 'declaration';
  const isMember = /^(constructor\(|(override |private |static )*async \w+\()/.test(first);
  return isMember || /^\w+\([^)]*\)\s*(:[^=]+)?\{/.test(first) ? 'member' : 'statement';
}

/** Names that the block takes from elsewhere without saying so, as examples do. */
function missingImports(code: string, imports: ReadonlyMap<string, string>): string {
  const given = new Set([
    ...[...code.matchAll(/\b(?:class|const|interface|type|enum|function) (\w+)/g)].map(([, name]) => name),
    ...[...code.matchAll(/^import (?:type )?\{([^}]*)\}/gm)].flatMap(([, names = '']) => names.match(/\w+/g) ?? []),
  ]);
  const used = new Set(code.match(/\b[A-Za-z]\w*\b/g));
  const lines = [...imports].filter(([name]) => used.has(name) && !given.has(name));
  return lines.map(([name, from]) => `import { ${name} } from '${from}';`).join('\n');
}
