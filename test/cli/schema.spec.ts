import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FakeRegistry } from '../support/fake-registry.js';
import { Project } from './project.js';

const ALL = ['invoices-value', 'totals-value', 'totals-key'];
/** What was registered before has a field less, and the new one no default for it. */
const OLDER = '{"type":"record","name":"Total","namespace":"com.example","fields":[]}';

describe('messaging schema', () => {
  let project: Project;
  let registry: FakeRegistry;
  const run = (...args: string[]) => project.run(['schema', ...args], '', { REGISTRY: registry.url });
  const rows = async (verb: string) => {
    const { stdout, code } = await run(verb, '--json');
    const lines = stdout.split('\n').filter((line) => line !== '');
    return { code, rows: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
  };

  beforeAll(() => {
    project = new Project({});
    for (const name of ['class-validator', 'class-transformer']) project.link(name);
    project.buildApp('dist/app.module.js', 'test/cli/app/avro.module.ts');
    project.buildApp('dist/plain.module.js');
  });
  afterAll(() => project.remove());
  beforeEach(async () => void (registry = await FakeRegistry.start()));
  afterEach(() => registry.stop());

  it('check asks about what the app writes, values and keys, and registers nothing', async () => {
    const checked = await rows('check');
    expect(checked.code).toBe(0);
    expect(checked.rows.map(({ subject, result }) => [subject, result])).toEqual(ALL.map((one) => [one, 'compatible']));
    expect(registry.subjectNames).toEqual([]);
    expect(registry.requests.every((one) => one.startsWith('POST /compatibility/'))).toBe(true);
  });

  it('check ends with 1 when one is refused, with the reasons', async () => {
    registry.add('totals-value', OLDER);
    const { code, stdout } = await run('check');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^totals +totals-value +refused +a field without a default$/m);
    expect(stdout).toMatch(/^invoices +invoices-value +compatible *$/m);
  });

  it('register registers them, also for an app that only looks them up', async () => {
    const registered = await rows('register');
    expect(registered.code).toBe(0);
    expect(registered.rows).toMatchObject([
      { connection: 'kafka', topic: 'invoices', subject: 'invoices-value', result: 'registered', id: 1000 },
      { topic: 'totals', subject: 'totals-value', result: 'registered' },
      { topic: 'totals', subject: 'totals-key', result: 'registered' },
    ]);
    expect(registry.subjectNames.toSorted()).toEqual(ALL.toSorted());
    expect((await run('register')).stdout).toMatch(/^invoices +invoices-value +registered as 1000 *$/m);
  });

  it('register registers none when one is refused', async () => {
    registry.add('totals-value', OLDER);
    const registered = await rows('register');
    expect(registered.code).toBe(1);
    expect(registered.rows.map(({ result }) => result)).toEqual(['compatible', 'refused', 'compatible']);
    expect(registry.subjectNames).toEqual(['totals-value']);
  });

  it('says that the registry does not answer', async () => {
    await registry.stop();
    const { code, stderr } = await run('check');
    expect(code).toBe(1);
    expect(stderr).toContain('The schema registry did not answer POST /compatibility/subjects/');
    await registry.listen();
  });

  it('says that an app writes nothing that has a schema', async () => {
    const { code, stderr } = await run('check', '--app', 'dist/plain.module.js');
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: 'The app declares to write nothing that has a schema in a registry.\n',
    });
  });

  it('shows its verbs, and knows no others', async () => {
    const help = await run();
    expect(help.stdout).toMatch(/check.*ask the registry/);
    expect(await run('chek')).toMatchObject({ code: 64 });
  });
});
