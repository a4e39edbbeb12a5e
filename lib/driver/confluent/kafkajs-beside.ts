import { MissingPackageError } from '../../core/errors.js';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import { closedAdmin } from '../closed-connection.js';
import type { DriverContext } from '../driver.js';
import type { KafkajsBesideParts } from '../kafkajs/kafkajs.admin-client.js';

/**
 * What `@confluentinc/kafka-javascript` has no request for, as the settings of a topic, or none that is safe, as for a group, is asked through
 * kafkajs, where it is installed; it connects with the first question.
 */
export class KafkajsBeside {
  private opened: Promise<KafkajsBesideParts> | undefined;
  private isClosed = false;

  constructor(
    private readonly options: ResolvedKafkaOptions,
    private readonly context: DriverContext,
  ) {}

  /** @throws ClosedError, MissingPackageError with the line that installs it. */
  async open(): Promise<KafkajsBesideParts> {
    if (this.isClosed) throw closedAdmin(this.context.connection);
    this.opened ??= this.create();
    return this.opened;
  }

  /** Undefined where it is not installed. */
  async find(): Promise<KafkajsBesideParts | undefined> {
    try {
      return await this.open();
    } catch (error) {
      if (error instanceof MissingPackageError) return undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.opened?.then(
      ({ admin }) => admin.close(),
      () => {}, // it never was opened: there is nothing to close
    );
  }

  private async create(): Promise<KafkajsBesideParts> {
    const { openKafkajsBeside } = await import('../kafkajs/kafkajs.admin-client.js');
    return openKafkajsBeside({ ...this.options, native: undefined, compressionType: 'none' }, this.context);
  }
}
