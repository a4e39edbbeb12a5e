import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

/** In use, each of these makes every promise of the process dearer before Node 24: a consumer lost a third of its rate. */
const DEAR = /\b(AsyncLocalStorage|createHook|executionAsyncResource)\b/;

describe('the library leaves promises as cheap as they are', () => {
  it('and imports nothing that follows them', () => {
    const files = readdirSync('lib', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
    const imports = files.flatMap((file) =>
      [...readFileSync(`lib/${file}`, 'utf8').matchAll(/^import [^;]*'node:async_hooks';$/gm)].map(
        ([text]) => `${file}: ${text}`,
      ),
    );
    expect(imports.length).toBeGreaterThan(0);
    expect(imports.filter((text) => DEAR.test(text))).toEqual([]);
  });
});
