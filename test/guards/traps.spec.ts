import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { HOSTILE } from '../support/avro/hostile.js';
import { SILENT_LOSSES } from '../support/avro/silent-losses.js';

const rows = [...readFileSync('test/traps.md', 'utf8').matchAll(/^\| .+ \| (.+?) +\| `(test\/[^`]+)` *\|$/gm)].map(
  ([, title = '', file = '']) => ({ file, title }),
);
/** `H01-null`, `E07`: what a row of Avro is called, here and in its test's title. */
const ID = /[HLEM]\d\d(?:-\w+)?(?= )/;
const inChild = [...HOSTILE, ...SILENT_LOSSES].map(({ id, name }) => `${id} ${name}`);
const avroSpecs = ['avro/codec', 'avro/error-matrix', 'worker/prepare-schemas', 'registry/registry'].map(
  (name) => `test/unit/${name}.spec.ts`,
);
avroSpecs.push('test/contract/registry-requests.contract.ts');

describe('test/traps.md', () => {
  it('has rows', () => {
    expect(rows.length).toBeGreaterThan(80);
  });

  it.each(rows)('names a test of $file: $title', ({ file, title }) => {
    const titles = file === 'test/avro/child-rows.spec.ts' ? inChild.join('\n') : '';
    expect(titles + readFileSync(file, 'utf8')).toContain(title);
  });

  it('has a row for each test that is called by an id, and no id twice', () => {
    const ids = rows.flatMap(({ title }) => ID.exec(title)?.[0] ?? []);
    const called = avroSpecs.flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/'([EM]\d\d) /g)]);
    const expected = [...inChild.map((title) => ID.exec(title)?.[0]), ...called.map(([, id]) => id)];
    expect(ids.length).toBe(new Set(ids).size);
    expect(new Set(ids)).toEqual(new Set(expected));
  });
});
