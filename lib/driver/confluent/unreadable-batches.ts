import { OversizedBatchError } from '../../core/oversized-batch.error.js';
import { NOTHING_FETCHED } from '../kafka/backlog.js';
import { nameOf, type MemberEvents, type TopicPartition } from '../kafka/group-member.js';
import { BatchProbe, type ProbeParts } from './batch-probe.js';
import { promised, type NativeConsumer } from './confluent.native.js';
import { zstdBound } from './decompression-bound.js';

const SEEK_MS = 5_000;

/** How far an assigned partition was read. A new assignment makes a new one. */
export interface Place extends TopicPartition {
  offset: number;
}

export interface UnreadableParts extends ProbeParts {
  readonly consumer: NativeConsumer;
  readonly events: MemberEvents;
  /** Of the partitions that the member has, by name. */
  readonly places: ReadonlyMap<string, Place>;
  readonly onFailure: (error: unknown) => void;
}

/**
 * Passes over batches that librdkafka cannot decompress: of those it reads nothing, for ever, and its error says neither where one is nor where it
 * ends. A read that begins inside of one fails like one before it, so each partition is asked for one offset after the other: a batch of many
 * messages takes its time, in which the other partitions go on, and no message behind it is missed.
 */
export class UnreadableBatches {
  private probe: BatchProbe | undefined;
  private looking: Promise<void> | undefined;
  private isWanted = false;
  private isClosed = false;

  constructor(private readonly parts: UnreadableParts) {}

  /** The member has met one. */
  look(): void {
    this.isWanted = true;
    if (this.isClosed) return;
    this.looking ??= this.lookAround()
      .catch((error: unknown) => this.parts.onFailure(error))
      .finally(() => (this.looking = undefined));
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.probe?.close();
    await this.looking;
  }

  /** The probe is kept for the next one: who wrote one may write more. */
  private async lookAround(): Promise<void> {
    this.probe ??= new BatchProbe(this.parts);
    while (this.isWanted && !this.isClosed) {
      this.isWanted = false;
      for (const place of this.parts.places.values()) await this.passOver(this.probe, place);
    }
  }

  /** What was tried is kept at once: whoever has the partition next need not try it again. */
  private async passOver(probe: BatchProbe, place: Place): Promise<void> {
    const { consumer, events } = this.parts;
    const first = place.offset;
    while (this.isOurs(place) && !(await probe.isReadable(place, place.offset)) && this.isOurs(place)) {
      place.offset++;
      events.onFetched(place, place.offset, NOTHING_FETCHED);
    }
    if (place.offset === first || !this.isOurs(place)) return;
    events.onPassedOver(this.errorOf(place, first));
    await promised((done) => consumer.seek({ ...place }, SEEK_MS, done));
  }

  private isOurs(place: Place): boolean {
    return !this.isClosed && this.parts.places.get(nameOf(place)) === place;
  }

  private errorOf({ topic, partition, offset }: Place, first: number): OversizedBatchError {
    return new OversizedBatchError({
      topic,
      partition,
      firstOffset: BigInt(first),
      lastOffset: BigInt(offset - 1),
      ...zstdBound(this.parts.options),
    });
  }
}
