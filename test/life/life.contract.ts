import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFailed } from 'vitest';
import { Child } from '../support/child.js';
import { eventually } from '../support/eventually.js';
import { unique } from '../support/unique.js';
import { LIFE_BROKERS, type LifeBroker } from './life-brokers.js';

const COUNT = 20;
const RUNNING = 4;
const PRELOAD = String(COUNT);
const ALL = Array.from({ length: COUNT }, (_, n) => n);

/** A broker that only one test run has: it may be killed. */
export interface OwnBroker {
  readonly address: string;
  kill(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

interface Counts {
  readonly sent: number;
  readonly handled: number;
  readonly ackedUnprocessed: number;
  /** Handled to its end, and handed over again. */
  readonly repeated: number;
}

interface LifeSubject {
  readonly broker: LifeBroker;
  /** Undefined where there is no such broker. */
  readonly address: string | undefined;
  /** Starts a broker that keeps what it was told when it is killed; a broker in the process dies with it. */
  readonly startOwn?: () => Promise<OwnBroker>;
}

/** What an app keeps at the edges of its life, in a process of its own, on each broker. */
export function lifeContract({ broker, address, startOwn }: LifeSubject): void {
  const { server, nowhere } = LIFE_BROKERS[broker];

  describe.runIf(address !== undefined)(`the life of an app on ${broker}`, () => {
    const children: Child[] = [];
    const names = () => ({ TOPIC: unique('life'), GROUP: unique('life') });
    const start = (env: NodeJS.ProcessEnv): Child => {
      const child = Child.app('test/life/app.ts', { BROKER: broker, ADDRESS: address, ...env });
      children.push(child);
      onTestFailed(() => console.log(child.lines.join('\n')));
      return child;
    };
    /**
     * Counts what became of the messages: those that the child has ended, and the rest, which the next member of the group gets: another process,
     * or where the broker is in the process, another app of that. What was acknowledged unprocessed neither of them gets.
     */
    const countOf = async (child: Child, env: NodeJS.ProcessEnv): Promise<Counts> => {
      const ended = numbersIn(child, 'end');
      const next =
        server === undefined
          ? child
          : start({ ...env, MODE: 'pure', HOLD: '', INIT: '', INIT_FAILS: '', PRELOAD: '0' });
      const rest = () => numbersIn(next, server === undefined ? 'rest' : 'end');
      const missing = () => ALL.filter((n) => !ended.includes(n) && !rest().includes(n));
      await eventually(() => expect(missing()).toEqual([]), 40_000);
      return {
        sent: COUNT,
        handled: COUNT - missing().length,
        ackedUnprocessed: missing().length,
        repeated: ended.filter((n) => rest().includes(n)).length,
      };
    };
    const expectNothingLost = async (child: Child, env: NodeJS.ProcessEnv): Promise<void> => {
      expect(await countOf(child, env)).toMatchObject({ sent: COUNT, handled: COUNT, ackedUnprocessed: 0 });
    };
    /** What was finished before the end was acknowledged before the end, too. */
    const expectOnce = async (child: Child, env: NodeJS.ProcessEnv): Promise<void> => {
      expect(await countOf(child, env)).toEqual({ sent: COUNT, handled: COUNT, ackedUnprocessed: 0, repeated: 0 });
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
          await expectOnce(child, env);
        },
      );

      it('leaves a stuck handler when `shutdownTimeoutMs` is over: through its signal, and unsettled', async () => {
        const env = { ...names(), MODE, HOLD: 'stuck' };
        const child = await busy(env);
        child.say('close');
        expect(await child.end()).toBe(0);
        expect(numbersIn(child, 'aborted')).toEqual(numbersIn(child, 'begin'));
        expect(numbersIn(child, 'end')).toEqual([]);
        await expectOnce(child, env);
      });

      it('handles nothing before every module has bootstrapped', async () => {
        const child = start({ ...names(), MODE, PRELOAD, INIT: 'bootstrapping' });
        await child.line(/^bootstrapping$/, 40_000);
        expect(numbersIn(child, 'begin')).toEqual([]);
        child.say('go');
        await eventually(() => expect(new Set(numbersIn(child, 'end')).size).toBe(COUNT), 40_000);
        const first = child.lines.findIndex((line) => line.startsWith('begin'));
        expect(child.lines.indexOf('bootstrapped')).toBeLessThan(first);
        child.say('close');
        expect(await child.end()).toBe(0);
      });

      const steps = ['initialising', 'bootstrapping'];
      it.each(steps)('may be closed while its modules are %s: nothing is handled, and nothing lost', async (INIT) => {
        const env = { ...names(), MODE, PRELOAD, INIT };
        const child = start(env);
        await child.line(new RegExp(`^${INIT}$`), 40_000);
        child.say('close');
        child.say('go');
        await child.line(/^closed$/, 40_000);
        await child.end();
        expect(numbersIn(child, 'begin')).toEqual([]);
        await expectOnce(child, env);
      });

      it.each(steps)(
        'can be closed when a module fails while %s: nothing is handled, and nothing lost',
        async (INIT) => {
          const env = { ...names(), MODE, PRELOAD, INIT, INIT_FAILS: 'yes' };
          const child = start(env);
          await child.line(new RegExp(`^${INIT}$`), 40_000);
          child.say('go');
          await child.line(/^start failed: the database is not there$/, 40_000);
          expect(await child.end()).toBe(1);
          expect(numbersIn(child, 'begin')).toEqual([]);
          await expectOnce(child, env);
        },
      );

      it.each(nowhere)('can be closed while its broker at %s is down', async (ADDRESS) => {
        const child = start({ ...names(), MODE, ADDRESS });
        await child.line(/^started$/, 40_000);
        child.say('close');
        await child.line(/^closed$/);
        expect(await child.end()).toBe(0);
      });
    });

    describe.each(startOwn ? [startOwn] : [])('when its broker is killed in mid-run', (startBroker) => {
      let own: OwnBroker;
      beforeAll(async () => void (own = await startBroker()));
      afterAll(() => own?.stop());

      it.each([['pure'], ['hybrid']])(
        'a %s app can be closed, and nothing is lost',
        { timeout: 90_000 },
        async (MODE) => {
          const env = { ...names(), MODE, ADDRESS: own.address, SHUTDOWN_MS: '2000' };
          const child = await busy(env);
          await own.kill();
          child.say('go');
          child.say('close');
          expect(await child.end()).toBe(0);
          expect(child.lines).toContain('closed');
          expect(numbersIn(child, 'begin')).toHaveLength(RUNNING);
          await own.restart();
          await expectNothingLost(child, env);
        },
      );
    });

    it.each([['SIGTERM'], ['close']])('lets requests that are still being answered send, on %s', async (how) => {
      const child = start({ ...names(), MODE: 'hybrid' });
      const url = await child.line(/^http:/, 40_000);
      await child.line(/^started$/);
      const answer = fetch(`${url}/slow`).then((response) => response.text());
      await child.line(/^request begins$/);
      if (how === 'SIGTERM') child.signal('SIGTERM');
      else child.say(how);
      await child.line(/^database closed$/);
      child.say('go');
      expect(await answer).toBe('sent');
      expect(await child.end()).toBe(how === 'SIGTERM' ? 'SIGTERM' : 0);
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
