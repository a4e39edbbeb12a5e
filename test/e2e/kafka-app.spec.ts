import { afterEach, describe, expect, it } from 'vitest';
import { Child } from '../support/child.js';
import { eventually } from '../support/eventually.js';
import { hasProgram } from '../support/programs.js';
import { unique } from '../support/unique.js';
import { brokerAddress } from '../support/brokers/with-broker.js';

const kafka = brokerAddress('kafka');
const hasKcat = hasProgram('kcat', 'apt-get install kcat | brew install kcat');

describe.runIf(kafka !== undefined)('an app on Kafka', () => {
  const children: Child[] = [];
  const run = (child: Child): Child => {
    children.push(child);
    return child;
  };
  const kcat = (...args: string[]) => run(Child.run('kcat', ['-b', kafka ?? '', ...args]));

  afterEach(async () => {
    await Promise.all(children.splice(0).map((child) => child.kill()));
  });

  it.runIf(hasKcat)('gets what kcat sends, with key and header, and kcat reads what it sends', async () => {
    const names = { TOPIC: unique('in'), OUTPUT: unique('out'), GROUP: unique('group') };
    const app = run(Child.app('test/e2e/apps/echo.ts', { BOOTSTRAP: kafka, ...names }));
    await app.line(/^listening$/);
    const sender = kcat('-P', '-t', names.TOPIC, '-k', 'customer-7', '-H', 'source=kcat');
    sender.write('{"id":1}\n');
    expect(await sender.end()).toBe(0);
    expect(await app.line(/^handling/)).toBe(
      'handling {"message":{"id":1},"key":"customer-7","attempt":1,"source":"kcat"}',
    );
    const reader = kcat('-C', '-t', names.OUTPUT, '-o', 'beginning', '-c', '1', '-f', '%k %s\n');
    expect(await reader.line(/customer-7/)).toBe('customer-7 {"echoed":{"id":1}}');
  });

  it('handles a message again that a kill -9 interrupted', async () => {
    const names = { TOPIC: unique('in'), OUTPUT: unique('out'), GROUP: unique('group'), BOOTSTRAP: kafka };
    const held = run(Child.app('test/e2e/apps/echo.ts', { ...names, HOLD: '1' }));
    await held.line(/^listening$/);
    const sender = run(Child.app('test/e2e/apps/send.ts', { ...names, COUNT: '3' }));
    await sender.line(/^sent 3$/);
    await held.line(/^handling/);
    await held.kill();
    const next = run(Child.app('test/e2e/apps/echo.ts', names));
    await eventually(() => {
      const handled = next.lines
        .filter((line) => line.startsWith('handling'))
        .map((line) => (JSON.parse(line.slice(9)) as { message: number }).message);
      expect(new Set(handled)).toEqual(new Set([0, 1, 2]));
    }, 30_000);
  });

  it('ends on SIGTERM with what runs handled, and its position kept', async () => {
    const names = { TOPIC: unique('in'), OUTPUT: unique('out'), GROUP: unique('group'), BOOTSTRAP: kafka };
    const first = run(Child.app('test/e2e/apps/echo.ts', names));
    await first.line(/^listening$/);
    const sender = run(Child.app('test/e2e/apps/send.ts', { ...names, COUNT: '3' }));
    await sender.line(/^sent 3$/);
    await eventually(() => expect(first.lines.filter((line) => line.startsWith('handling'))).toHaveLength(3));
    first.signal('SIGTERM');
    await first.end();
    const second = run(Child.app('test/e2e/apps/echo.ts', names));
    await second.line(/^listening$/);
    const more = run(Child.app('test/e2e/apps/send.ts', { ...names, COUNT: '1', FIRST: '3' }));
    await more.line(/^sent 1$/);
    await second.line(/^handling/);
    expect(second.lines.filter((line) => line.startsWith('handling'))).toEqual(['handling {"message":3,"attempt":1}']);
  });
});
