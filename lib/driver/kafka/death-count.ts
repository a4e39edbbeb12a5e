/** From this count on a partition's messages run a few at a time, named before they start: its last owner died. */
const SUSPICIOUS = 2;
/** Most that run together then: so many run one at a time when the process dies again. */
const TOGETHER = 100;
/** Most owners that are remembered. */
const OWNERS = 8;

/**
 * Whether a partition's owners died at its messages. Kafka counts no deliveries, so the group keeps the count in the metadata of the
 * committed position: one up with each assignment, and taken back by an orderly end. What is left are deaths, but for owners that come
 * back: they had lost the partition while they lived, as when a broker restarts.
 *
 * `v1;n=<count>;o=<suspects>;p=<owners, the last one last>;` — the suspects are the offset of the message that runs alone, the first and the
 * last of those that run together (`57-76`), or `-`. The last `;` guards against the byte that `@confluentinc/kafka-javascript` cuts off
 * when it reads.
 */
export class DeathCount {
  private count: number;
  private suspects: string;
  /** The last of the messages that a process died at: up to it each runs alone. */
  private readonly lastSuspect: number;
  private readonly before: readonly string[];

  constructor(
    metadata: string,
    /** This process. */
    private readonly owner: string,
    /** So many messages later the partition is trusted again: what was in flight at a death lies among them. */
    private left: number,
  ) {
    const [, count = '0', suspects = '-', owners = ''] =
      /^v1;n=(\d+);o=(\d+(?:-\d+)?|-);(?:p=([\w,]+))?/.exec(metadata) ?? [];
    const known = owners.split(',').filter(Boolean);
    this.count = Number(count) + (known.includes(owner) ? 0 : 1);
    this.suspects = suspects;
    this.lastSuspect = suspects === '-' ? -1 : Number(suspects.split('-').at(-1));
    this.before = known.filter((one) => one !== owner).slice(1 - OWNERS);
  }

  get isSuspicious(): boolean {
    return this.count >= SUSPICIOUS;
  }

  /** What is kept beside the position while this owner lives. */
  get metadata(): string {
    return this.text(this.count, [...this.before, this.owner]);
  }

  /** What is kept when it gives the partition up in order. */
  get farewell(): string {
    return this.text(this.count - 1, this.before);
  }

  /** How many messages may run together, from this offset on. */
  most(offset: number): number {
    return offset <= this.lastSuspect ? 1 : Math.min(TOGETHER, this.left);
  }

  /**
   * These run now, and nothing else in the process. Only deaths at the same message add up, and only where it ran alone.
   *
   * @returns how often it began alone, this time included; 1 for several
   */
  start(first: number, last = first): number {
    const suspects = first === last ? String(first) : `${first}-${last}`;
    if (this.suspects !== suspects || first !== last) this.count = SUSPICIOUS;
    this.suspects = suspects;
    return this.count - SUSPICIOUS + 1;
  }

  /** A message was finished. */
  survived(): void {
    this.left--;
    if (this.left > 0) return;
    this.count = 1;
    this.suspects = '-';
  }

  private text(count: number, owners: readonly string[]): string {
    const list = count > 0 && owners.length > 0 ? `p=${owners.slice(-count).join(',')};` : '';
    return `v1;n=${Math.max(count, 0)};o=${this.suspects};${list}`;
  }
}
