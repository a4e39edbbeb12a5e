import { fork } from 'node:child_process';
import { once } from 'node:events';
import { serve, type Job, type Sample } from '../protocol.js';

interface Told extends Pick<Sample, 'cpuMicros' | 'peakRssBytes'> {
  readonly steps: Readonly<Record<string, number>>;
}

/** An app as a process of its own: the time from its fork until it handles its first message. */
const starting =
  (app: string): Job =>
  async (round) => {
    const begin = performance.now();
    const child = fork(new URL(`../starts/${app}.js`, import.meta.url), [JSON.stringify(round)], { execArgv: [] });
    const [{ steps, ...cost }] = (await once(child, 'message')) as [Told];
    const ms = performance.now() - begin;
    const exit = once(child, 'exit');
    child.kill('SIGKILL'); // to take leave is not what is measured
    await exit;
    return { messages: 1, ms, ...cost, extra: { start: ms, ...steps } };
  };

serve({
  bare: starting('bare'),
  ours: starting('ours'),
  'nest-transport': starting('nest-transport'),
  'nest-native': starting('nest-native'),
});
