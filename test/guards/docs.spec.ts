import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const read = (file: string) => readFileSync(file, 'utf8');

describe('docs', () => {
  it('keep their length', () => {
    expect(read('README.md').split('\n').length).toBeLessThanOrEqual(150);
    expect(read('CONTRIBUTING.md').split('\n').length).toBeLessThanOrEqual(60);
  });

  it('show how to test an app with code that is itself a test', () => {
    const [, example = ''] = /## Testing your app\n\n```ts\n([\s\S]*?)```/.exec(read('README.md')) ?? [];
    const lines = example
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line.startsWith('await') || line.startsWith('expect') || line.startsWith('const'));
    expect(lines.length).toBeGreaterThan(4);
    const test = read('test/unit/testing/test-messaging.spec.ts');
    for (const line of lines) expect(test).toContain(line);
  });
});

describe('docs/events.md', () => {
  it('names every channel with its type, and none that does not exist', () => {
    const source = read('lib/core/events.ts');
    const declared = [...source.matchAll(/typed<(\w+)>\('(messaging:[a-z-]+)'\)/g)].map(
      ([, type, name]) => `${name} ${type}`,
    );
    const documented = [...read('docs/events.md').matchAll(/^\| `(messaging:[a-z-]+)` *\| `(\w+)` *\|/gm)];
    expect(new Set(documented.map(([, name, type]) => `${name} ${type}`))).toEqual(new Set(declared));
  });
});
