import { sleep, type Clock } from '../../core/clock.js';
import type { BrokerStatus } from '../kafka/broker-status.js';
import { promised, type NativeClient } from './confluent.native.js';

export const METADATA_MS = 5_000;
const PAUSE_MS = 1_000;

export interface BrokerProbeParts {
  readonly clock: Clock;
  readonly status: BrokerStatus;
  /** Undefined while there is none, and when it is closed. */
  readonly client: () => NativeClient | undefined;
}

/**
 * librdkafka says when every broker has hung up, which brokers also do with a client that was idle, and never when one is back. So one is
 * asked, until it answers.
 */
export class BrokerProbe {
  private isAsking = false;

  constructor(private readonly parts: BrokerProbeParts) {}

  async ask(): Promise<void> {
    if (this.isAsking) return;
    this.isAsking = true;
    for (let client = this.parts.client(); client; client = this.parts.client()) {
      if (await this.answers(client)) break;
      await sleep(this.parts.clock, PAUSE_MS);
    }
    this.isAsking = false;
  }

  private async answers(client: NativeClient): Promise<boolean> {
    const { status } = this.parts;
    try {
      await promised((done) => client.getMetadata({ allTopics: false, timeout: METADATA_MS }, done));
      status.up();
      return true;
    } catch (error) {
      if (client === this.parts.client()) status.down(error);
      return false;
    }
  }
}
