import { afterEach, describe, expect, it } from 'vitest';
import { brokerAddress } from '../support/brokers/with-broker.js';
import { Child } from '../support/child.js';
import { eventually } from '../support/eventually.js';
import { unique } from '../support/unique.js';
import { LIFE_BROKERS, type LifeBroker } from './life-brokers.js';

const COUNT = 20;
const RUNNING = 4;

/** Each promise on each broker: one that is reached over the network, and the one in the process. */
for (const broker of Object.keys(LIFE_BROKERS) as LifeBroker[]) {
  const { server, nowhere } = LIFE_BROKERS[broker];
  const address = server === undefined ? '' : brokerAddress(server);

  describe.runIf(address !== undefined)(`the life of an app on ${broker}`, () => {
    const children: Child[] = [];
    const names = () => ({ TOPIC: unique('life'), GROUP: unique('life') });
    const start = (env: NodeJS.ProcessEnv): Child => {
      const child = Child.app('test/life/app.ts', { BROKER: broker, ADDRESS: address, ...env });
      children.push(child);
      return child;
    };
    /** Nothing is settled that was not handled: the position is not past it, and another process gets all the rest. */
    const expectNothingLost = async (child: Child, env: NodeJS.ProcessEnv): Promise<void> => {
      const ended = numbersIn(child, 'end');
      const position = child.lines.find((line) => line.startsWith('position'));
      if (position !== undefined) {
        const settled = Array.from({ length: Number(position.slice(9)) }, (_, n) => n);
        expect(settled.filter((n) => !ended.includes(n))).toEqual([]);
      }
      if (server === undefined) return;
      const next = start({ ...env, MODE: 'pure', HOLD: '', INIT: '' });
      await eventually(() => {
        const all = new Set([...ended, ...numbersIn(next, 'end')]);
        expect(all).toEqual(new Set(Array.from({ length: COUNT }, (_, n) => n)));
      }, 40_000);
    };
    /** Messages in the handlers, and more that wait. */
    const busy = async (env: NodeJS.ProcessEnv): Promise<Child> => {
      const child = start({ HOLD: 'all', ...env });
      await child.line(/^started$/, 40_000);
      child.say(`send 0 ${COUNT - 1}`);
      await child.line(new RegExp(`^sent ${COUNT - 1}$`), 40_000);
      await eventually(() => expect(numbersIn(child, 'begin')).toHaveLength(RUNNING), 40_000);
      return child;
    };

    afterEach(async () => {
      await Promise.all(children.splice(0).map((child) => child.kill()));
    });

    describe.each([
      ['a pure microservice', 'pure'],
      ['an app with HTTP', 'hybrid'],
    ])('as %s', (_name, MODE) => {
      it.each([['SIGTERM'], ['close'], ['close twice']])(
        'ends on %s: what runs finishes with the database open and the producer connected, nothing else begins',
        async (how) => {
          const env = { ...names(), MODE };
          const child = await busy(env);
          if (how === 'SIGTERM') {
            child.signal('SIGTERM');
            await child.line(/^signal$/);
          } else child.say(how);
          child.say('go');
          expect(await child.end()).toBe(how === 'SIGTERM' ? 'SIGTERM' : 0);
          const begun = numbersIn(child, 'begin');
          expect(child.lines.filter((line) => line.startsWith('end'))).toHaveLength(begun.length);
          expect(child.lines.filter((line) => /^end \d+ closed/.test(line))).toEqual([]);
          expect(child.lines).toContain('database closed');
          expect(begun).toHaveLength(RUNNING);
          await expectNothingLost(child, env);
        },
      );

      it('leaves a stuck handler when `shutdownTimeoutMs` is over: through its signal, and unsettled', async () => {
        const env = { ...names(), MODE, HOLD: 'stuck' };
        const child = await busy(env);
        child.say('close');
        expect(await child.end()).toBe(0);
        await child.line(/^aborted 0$/);
        expect(numbersIn(child, 'end')).toEqual([]);
        await expectNothingLost(child, env);
      });

      it('handles nothing before every module has bootstrapped', async () => {
        const env = { ...names(), MODE };
        const isRemote = server !== undefined;
        if (isRemote) {
          const before = await busy({ ...env, GROUP: unique('other') });
          before.say('go');
          before.say('close');
          await before.end();
        }
        const child = start({ ...env, INIT: 'slow bootstrap' });
        await child.line(/^bootstrapping$/, 40_000);
        if (!isRemote) child.say(`send 0 ${COUNT - 1}`);
        if (!isRemote) await child.line(new RegExp(`^sent ${COUNT - 1}$`));
        expect(numbersIn(child, 'begin')).toEqual([]);
        child.say('go');
        await eventually(() => expect(new Set(numbersIn(child, 'end')).size).toBe(COUNT), 40_000);
        const first = child.lines.findIndex((line) => line.startsWith('begin'));
        expect(child.lines.indexOf('bootstrapped')).toBeLessThan(first);
        child.say('close');
        expect(await child.end()).toBe(0);
      });

      it('may be closed while it starts', async () => {
        const child = start({ ...names(), MODE, INIT: 'slow' });
        await child.line(/^initialising$/, 40_000);
        child.say('close');
        child.say('go');
        await child.line(/^closed$/, 40_000);
        await child.end();
        expect(numbersIn(child, 'begin')).toEqual([]);
      });

      it('can be closed when a module cannot be initialised', async () => {
        const child = start({ ...names(), MODE, INIT: 'fail' });
        await child.line(/^start failed: the database is not there$/, 40_000);
        expect(await child.end()).toBe(1);
      });

      it.each(nowhere)('can be closed while its broker at %s is down', async (ADDRESS) => {
        const child = start({ ...names(), MODE, ADDRESS });
        await child.line(/^started$/, 40_000);
        child.say('close');
        await child.line(/^closed$/);
        expect(await child.end()).toBe(0);
      });
    });

    it('lets requests that are still being answered send', async () => {
      const child = start({ ...names(), MODE: 'hybrid' });
      const url = await child.line(/^http:/, 40_000);
      await child.line(/^started$/);
      const answer = fetch(`${url}/slow`).then((response) => response.text());
      await child.line(/^request begins$/);
      child.signal('SIGTERM');
      await child.line(/^database closed$/);
      child.say('go');
      expect(await answer).toBe('sent');
      expect(await child.end()).toBe('SIGTERM');
    });
  });
}

/** What follows this word in the lines of a child. */
function numbersIn(child: Child, word: string): number[] {
  const pattern = new RegExp(`^${word} (\\d+)`);
  return child.lines.flatMap((line) => {
    const found = pattern.exec(line);
    return found ? [Number(found[1])] : [];
  });
}
