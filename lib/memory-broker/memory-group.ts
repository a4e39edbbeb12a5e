/** A partition as the broker names it. */
export interface MemoryAssignment {
  readonly topic: string;
  readonly index: number;
  /** Where the group goes on, or undefined when it never finished anything there. */
  readonly position: number | undefined;
}

/** A member's end of the group protocol. */
export interface MemoryMember {
  readonly topics: readonly string[];
  /** Gives up all its partitions; positions may be committed until it resolves. */
  revoke(): Promise<void>;
  assign(assignments: readonly MemoryAssignment[]): void;
  /** Its partitions are another's already; it may join again. */
  lost(): void;
}

/** One consumer group: its positions, and who has which partition. Rebalances are eager, one after the other. */
export class MemoryGroup {
  private readonly positions = new Map<string, number>();
  private readonly members = new Set<MemoryMember>();
  private shares: ReadonlyMap<MemoryMember, readonly MemoryAssignment[]> = new Map();
  private rebalancing: Promise<void> = Promise.resolve();

  constructor(private readonly partitionsOf: (topic: string) => number) {}

  /** Topics that any member reads. */
  get topics(): ReadonlySet<string> {
    return topicsOf(this.members);
  }

  /** How many members it has. */
  get size(): number {
    return this.members.size;
  }

  /** Which of the members has the partition, as a name for people. */
  readerOf(topic: string, index: number): string | null {
    const number = [...this.shares.values()].findIndex((share) =>
      share.some((one) => one.topic === topic && one.index === index),
    );
    return number < 0 ? null : `member-${number + 1}`;
  }

  hasPosition(topic: string): boolean {
    return [...this.positions.keys()].some((key) => isOf(key, topic));
  }

  /** Of a topic that is gone. */
  forget(topic: string): void {
    for (const key of [...this.positions.keys()].filter((one) => isOf(one, topic))) this.positions.delete(key);
  }

  join(member: MemoryMember): Promise<void> {
    this.members.add(member);
    return this.rebalance();
  }

  /** The member has given up its partitions before. */
  leave(member: MemoryMember): Promise<void> {
    return this.members.delete(member) ? this.rebalance() : Promise.resolve();
  }

  /** As when its session times out: nobody asks it. */
  expel(member: MemoryMember): Promise<void> {
    this.members.delete(member);
    member.lost();
    return this.rebalance();
  }

  position(topic: string, index: number): number | undefined {
    return this.positions.get(`${index}/${topic}`);
  }

  commit(topic: string, index: number, position: number): void {
    this.positions.set(`${index}/${topic}`, position);
  }

  rebalance(): Promise<void> {
    this.rebalancing = this.rebalancing.then(() => this.reassign());
    return this.rebalancing;
  }

  private async reassign(): Promise<void> {
    const members = [...this.members];
    await Promise.all(members.map((member) => member.revoke()));
    const shares = new Map<MemoryMember, MemoryAssignment[]>(members.map((member) => [member, []]));
    for (const topic of topicsOf(members)) this.share(topic, shares);
    this.shares = shares;
    for (const [member, share] of shares) if (this.members.has(member)) member.assign(share);
  }

  /** Each partition to the member with the fewest, among those who read the topic. */
  private share(topic: string, shares: Map<MemoryMember, MemoryAssignment[]>): void {
    const readers = [...shares].filter(([member]) => member.topics.includes(topic)).map(([, share]) => share);
    for (let index = 0; index < this.partitionsOf(topic); index++) {
      const least = readers.reduce((a, b) => (b.length < a.length ? b : a));
      least.push({ topic, index, position: this.position(topic, index) });
    }
  }
}

/** A topic name may hold any character, an index only digits. */
function isOf(key: string, topic: string): boolean {
  return key.slice(key.indexOf('/') + 1) === topic;
}

function topicsOf(members: Iterable<MemoryMember>): ReadonlySet<string> {
  return new Set([...members].flatMap(({ topics }) => topics));
}
