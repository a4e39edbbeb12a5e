import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

/** Of that module `AsyncLocalStorage` and `createHook`, in use, make every promise of the process dearer before Node 24: a consumer lost a third of its rate. */
const CHEAP = "import { AsyncResource } from 'node:async_hooks';";

describe('the library leaves promises as cheap as they are', () => {
  it('and imports nothing that follows them', () => {
    const files = readdirSync('lib', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
    const lines = files.flatMap((file) => readFileSync(`lib/${file}`, 'utf8').split('\n'));
    const mentions = lines.filter((line) => /['"](node:)?async_hooks['"]/.test(line));
    expect(mentions.length).toBeGreaterThan(0);
    expect(mentions.filter((line) => line !== CHEAP)).toEqual([]);
  });
});
