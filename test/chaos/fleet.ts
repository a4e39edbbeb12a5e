import { Child } from '../support/child.js';

/** The processes of one group. */
export class Fleet {
  /** How often a process was replaced. */
  restarts = 0;
  private readonly members: Child[] = [];
  private readonly gone: Child[] = [];

  constructor(private readonly env: NodeJS.ProcessEnv) {}

  get size(): number {
    return this.members.length;
  }

  async start(count: number): Promise<void> {
    const started = Array.from({ length: count }, () => Child.app('test/chaos/member.ts', this.env));
    this.members.push(...started);
    await Promise.all(started.map((child) => child.line(/^listening$/, 60_000)));
  }

  /** Ends one at any moment, and another takes its place. */
  async replace(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.members.shift();
    if (!child) return;
    child.signal(signal);
    await child.end();
    this.gone.push(child);
    this.restarts++;
    await this.start(1);
  }

  /** Stops one in its tracks, longer than its session lasts, and lets it go on; not the one that is ended next. */
  async freeze(wait: () => Promise<unknown>): Promise<void> {
    const child = this.members.at(-1);
    child?.signal('SIGSTOP');
    await wait();
    child?.signal('SIGCONT');
  }

  async leave(): Promise<void> {
    const child = this.members.pop();
    if (!child) return;
    child.signal('SIGTERM');
    await child.end();
    this.gone.push(child);
  }

  /** What the members wrote to their logs, those that are gone first, for a failure's text. */
  get log(): string {
    const described = (members: readonly Child[], fate: string) =>
      members.flatMap(({ pid, lines }) => [`member ${pid}, ${fate}:`, ...lines.slice(-40)]);
    return [...described(this.gone, 'gone'), ...described(this.members, 'there')].join('\n');
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.splice(0).map((child) => child.kill()));
  }
}
