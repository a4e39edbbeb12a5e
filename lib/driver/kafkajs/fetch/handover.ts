import { nameOf, type TopicPartition } from '../../kafka/group-member.js';

/**
 * What of a member's partitions is handed over before kafkajs takes note of it, which may never happen: it drops what it has in hand when
 * a partition is paused, or when another of its fetchers fails, and fetches that again. And it may ask from where an older assignment
 * was, while it joins the group anew.
 */
export class Handover {
  private readonly paused = new Set<string>();
  /** Handed over, and not noted. */
  private readonly inHand = new Set<string>();
  /** The next offset to hand over; none before the group's position is known. */
  private readonly offsets = new Map<string, number>();

  /** @param tellPause tells kafkajs of it */
  constructor(private readonly tellPause: (partition: TopicPartition) => void) {}

  get hasPaused(): boolean {
    return this.paused.size > 0;
  }

  /** kafkajs is told of what it has in hand once it has taken note of that. */
  pause(partition: TopicPartition): void {
    const name = nameOf(partition);
    this.paused.add(name);
    if (!this.inHand.has(name)) this.tellPause(partition);
  }

  resume(partition: TopicPartition): void {
    this.paused.delete(nameOf(partition));
  }

  /** Where reading begins, or goes on. */
  startAt(from: TopicPartition, offset: number): void {
    this.raise(nameOf(from), offset);
  }

  /** The first offset to hand over of what was asked for from `asked` on; undefined when that would leave a gap. */
  next(from: TopicPartition, asked: number): number | undefined {
    const offset = this.offsets.get(nameOf(from));
    return offset === undefined || asked > offset ? undefined : offset;
  }

  /** Notes that messages up to `next` are handed over; false when they are to be fetched again, after a resume. */
  begin(from: TopicPartition, next: number, count: number): boolean {
    const name = nameOf(from);
    if (this.paused.has(name)) return false;
    this.raise(name, next);
    if (count > 0) this.inHand.add(name);
    return true;
  }

  /** kafkajs takes note. */
  end(partition: TopicPartition): void {
    const name = nameOf(partition);
    this.inHand.delete(name);
    if (this.paused.has(name)) this.tellPause(partition);
  }

  /** The group is joined anew: what kafkajs has in hand is of an older generation, and what is paused goes on. */
  reset(): void {
    this.paused.clear();
    this.inHand.clear();
    this.offsets.clear();
  }

  private raise(name: string, offset: number): void {
    this.offsets.set(name, Math.max(offset, this.offsets.get(name) ?? 0));
  }
}
