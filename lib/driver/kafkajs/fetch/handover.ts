import { nameOf, type TopicPartition } from '../../kafka/group-member.js';

/**
 * What of a member's partitions is handed over before kafkajs takes note of it, which may never happen: it drops what it has in hand when a partition is paused, or when
 * another of its fetchers fails, and fetches that again.
 */
export class Handover {
  private readonly paused = new Set<string>();
  /** Handed over, and not noted. */
  private readonly inHand = new Set<string>();
  private readonly offsets = new Map<string, number>();

  /** @param pause tells kafkajs */
  constructor(private readonly tellPause: (partition: TopicPartition) => void) {}

  get hasPaused(): boolean {
    return this.paused.size > 0;
  }

  /** kafkajs is told of what it has in hand once it has taken note of that. */
  pause(partition: TopicPartition): void {
    this.paused.add(nameOf(partition));
    if (!this.inHand.has(nameOf(partition))) this.tellPause(partition);
  }

  resume(partition: TopicPartition): void {
    this.paused.delete(nameOf(partition));
  }

  /** Up to where it was handed over in this generation. */
  offsetOf(from: TopicPartition): number {
    return this.offsets.get(nameOf(from)) ?? 0;
  }

  /** Notes that messages up to `next` are handed over; false when they are to be fetched again, after a resume. */
  begin(from: TopicPartition, next: number, count: number): boolean {
    const name = nameOf(from);
    if (this.paused.has(name)) return false;
    this.offsets.set(name, next);
    if (count > 0) this.inHand.add(name);
    return true;
  }

  /** kafkajs takes note. */
  end(partition: TopicPartition): void {
    this.inHand.delete(nameOf(partition));
    if (this.paused.has(nameOf(partition))) this.tellPause(partition);
  }

  /** The group was joined anew: kafkajs has nothing in hand, and nothing is paused. */
  reset(): void {
    this.paused.clear();
    this.inHand.clear();
    this.offsets.clear();
  }
}
