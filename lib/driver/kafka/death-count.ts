/** From this count on a partition's messages run one at a time, each named before it starts: its last owner died. */
const SUSPICIOUS = 2;
/** Most owners that are remembered. */
const OWNERS = 8;

/**
 * Whether a partition's owners died at its messages. Kafka counts no deliveries, so the group keeps the count in the metadata of the
 * committed position: one up with each assignment, and taken back by an orderly end. What is left are deaths, but for owners that come
 * back: they had lost the partition while they lived, as when a broker restarts.
 *
 * `v1;n=<count>;o=<offset of the message that ran alone, or ->;p=<owners, the last one last>;` — the last `;` guards against the byte that
 * `@confluentinc/kafka-javascript` cuts off when it reads.
 */
export class DeathCount {
  private count: number;
  private suspect: number | undefined;
  private readonly before: readonly string[];

  constructor(
    metadata: string,
    /** This process. */
    private readonly owner: string,
    /** So many messages later the partition is trusted again: what was in flight at a death lies among them. */
    private left: number,
  ) {
    const [, count = '0', suspect = '-', owners = ''] = /^v1;n=(\d+);o=(\d+|-);(?:p=([\w,]+))?/.exec(metadata) ?? [];
    const known = owners.split(',').filter(Boolean);
    this.count = Number(count) + (known.includes(owner) ? 0 : 1);
    this.suspect = suspect === '-' ? undefined : Number(suspect);
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

  /** A message runs alone now. Only deaths at the same message add up. @returns how often it began alone, this time included. */
  start(offset: number): number {
    if (this.suspect !== offset) this.count = SUSPICIOUS;
    this.suspect = offset;
    return this.count - SUSPICIOUS + 1;
  }

  /** A message was finished. */
  survived(): void {
    this.left--;
    if (this.left > 0) return;
    this.count = 1;
    this.suspect = undefined;
  }

  private text(count: number, owners: readonly string[]): string {
    const list = count > 0 && owners.length > 0 ? `p=${owners.slice(-count).join(',')};` : '';
    return `v1;n=${Math.max(count, 0)};o=${this.suspect ?? '-'};${list}`;
  }
}
