import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findApp, requireApp } from '../../../lib/cli/app/find-app.js';
import { UsageError } from '../../../lib/cli/exit-code.js';

describe('the app of a project is found', () => {
  let folder: string;
  const put = (file: string, content: object | string = '') => {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), typeof content === 'string' ? content : JSON.stringify(content));
    return join(folder, file);
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'find-app-'));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it('in dist, or where a build of src with other files puts it', () => {
    expect(findApp(folder, undefined)).toBeUndefined();
    const deep = put('dist/src/app.module.js');
    expect(findApp(folder, undefined)).toBe(deep);
    const flat = put('dist/app.module.js');
    expect(findApp(folder, undefined)).toBe(flat);
  });

  it('where the build of nest-cli.json puts it, through what its tsconfig extends', () => {
    put('nest-cli.json', { compilerOptions: { tsConfigPath: 'config/build.json' } });
    put('config/build.json', { extends: '../base.json' });
    put('base.json', { compilerOptions: { outDir: 'out' } });
    put('dist/app.module.js');
    const built = put('out/app.module.js');
    expect(findApp(folder, undefined)).toBe(built);
  });

  it('where package.json or --app says, before all else', () => {
    put('dist/app.module.js');
    put('package.json', { messaging: { app: 'built/root.js' } });
    expect(() => findApp(folder, undefined)).toThrow(UsageError);
    expect(findApp(folder, 'dist/app.module.js')).toBe(join(folder, 'dist/app.module.js'));
    const named = put('built/root.js');
    expect(findApp(folder, undefined)).toBe(named);
  });

  it('or it is said where it was looked for', () => {
    put('tsconfig.json', '// comments are no JSON\n{}');
    expect(() => requireApp(folder, undefined)).toThrow(/dist\/app\.module\.js.* do not exist\. Build the app/s);
    expect(() => requireApp(folder, 'nothing.js')).toThrow(/nothing\.js` does not exist/);
  });
});
