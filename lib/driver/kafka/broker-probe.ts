import { sleep, type Clock } from '../../core/clock.js';
import type { BrokerStatus } from './broker-status.js';

const PAUSE_MS = 1_000;

export interface BrokerProbeParts<Client> {
  readonly clock: Clock;
  readonly status: BrokerStatus;
  /** Undefined while there is none, and when it is closed. */
  readonly client: () => Client | undefined;
  /** Something that a broker has to answer. */
  readonly question: (client: Client) => Promise<unknown>;
}

/**
 * A client notices that a broker has hung up, which brokers also do with a client that was idle, and that it is back only when something is to be
 * sent. So one is asked, until it answers.
 */
export class BrokerProbe<Client> {
  private isAsking = false;

  constructor(private readonly parts: BrokerProbeParts<Client>) {}

  async ask(): Promise<void> {
    if (this.isAsking) return;
    this.isAsking = true;
    for (let client = this.parts.client(); client; client = this.parts.client()) {
      if (await this.answers(client)) break;
      await sleep(this.parts.clock, PAUSE_MS);
    }
    this.isAsking = false;
  }

  private async answers(client: Client): Promise<boolean> {
    const { status, question } = this.parts;
    try {
      await question(client);
      status.up();
      return true;
    } catch (error) {
      if (client === this.parts.client()) status.down(error);
      return false;
    }
  }
}
