import type { Log } from '../../core/log.js';
import { nameOf, type TopicPartition } from '../kafka/group-member.js';
import { promised, type NativeConsumer } from './confluent.native.js';
import type { PollLoop } from './poll-loop.js';
import type { Place } from './unreadable-batches.js';

/** For librdkafka's main thread to take the request: it waits for no broker. */
const SEEK_MS = 1_000;

export interface PausesParts {
  readonly consumer: NativeConsumer;
  readonly loop: PollLoop;
  /** Of the partitions that the member has, by name. */
  readonly places: ReadonlyMap<string, Place>;
  readonly log: Log;
}

/** The partitions that librdkafka does not fetch for now. */
export class Pauses {
  private readonly paused = new Set<string>();

  constructor(private readonly parts: PausesParts) {}

  pause(partition: TopicPartition): void {
    if (!this.parts.places.has(nameOf(partition))) return;
    this.paused.add(nameOf(partition));
    this.parts.consumer.pause([partition]);
  }

  /**
   * Where nothing else of a broker is fetched, its thread sleeps up to a second and does not hear of a resume (librdkafka 2.15.1). A seek wakes it.
   * Between two polls it skips nothing and repeats nothing: what was handed over ends where it begins.
   */
  resume(partition: TopicPartition): void {
    const { consumer, loop, places, log } = this.parts;
    const place = places.get(nameOf(partition));
    if (!place) return;
    this.paused.delete(nameOf(partition));
    consumer.resume([partition]);
    const seek = async () => {
      if (places.get(nameOf(partition)) !== place || this.paused.has(nameOf(partition))) return;
      await promised((done) => consumer.seek({ ...place }, SEEK_MS, done));
    };
    loop.between(seek).catch((error: Error) => log.debug(`a resumed partition may be fetched late: ${error.message}`));
  }

  /** librdkafka keeps a pause over assignments (seen): the next owner of this client would wait for ever. */
  lift(partitions: readonly TopicPartition[]): void {
    const paused = partitions.filter((one) => this.paused.delete(nameOf(one)));
    if (paused.length > 0) this.parts.consumer.resume(paused);
  }
}
