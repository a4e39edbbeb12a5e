import type { Clock } from '../core/clock.js';
import type { Log } from '../core/log.js';
import type { Connections } from '../connection/connections.js';
import type { ResolvedMessagingOptions } from '../options/messaging.options.js';
import { FailureReport } from './failure-report.js';
import { PendingBuffer } from './pending-buffer.js';
import { ProducerService } from './producer.service.js';

/** The producers of an app, one a connection. */
export class Producers {
  private readonly made = new Map<string, ProducerService>();
  private readonly reports: FailureReport[] = [];

  constructor(
    private readonly connections: Connections,
    private readonly options: ResolvedMessagingOptions,
    private readonly parts: { readonly clock: Clock; readonly log: Log },
  ) {}

  get(connection: string = this.options.broker): ProducerService {
    const known = this.made.get(connection);
    if (known) return known;
    const { maxPendingMessages, maxPendingBytes } = this.options;
    const { clock, log } = this.parts;
    const failures = new FailureReport(connection, log, clock);
    this.reports.push(failures);
    const producer = new ProducerService({
      connection: () => this.connections.get(connection),
      buffer: new PendingBuffer(maxPendingMessages, maxPendingBytes),
      failures,
      clock,
    });
    this.made.set(connection, producer);
    return producer;
  }

  /** Says the last word on messages that failed; the connections are closed before. */
  close(): void {
    for (const report of this.reports) report.close();
  }
}
