import { MissingPackageError } from '../../core/errors.js';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import type { DriverContext } from '../driver.js';
import type { KafkajsAdmin } from '../kafkajs/kafkajs.admin.js';

/**
 * `@confluentinc/kafka-javascript` has no request for the settings of a topic, so kafkajs makes it, where it is installed; it connects with
 * the first question.
 */
export class KafkajsSettings {
  private admin: Promise<KafkajsAdmin> | undefined;

  constructor(
    private readonly options: ResolvedKafkaOptions,
    private readonly context: DriverContext,
  ) {}

  /** @throws MissingPackageError with the line that installs it. */
  open(): Promise<KafkajsAdmin> {
    this.admin ??= this.create();
    return this.admin;
  }

  /** Undefined where it is not installed. */
  async find(): Promise<KafkajsAdmin | undefined> {
    try {
      return await this.open();
    } catch (error) {
      if (error instanceof MissingPackageError) return undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    const { admin } = this;
    this.admin = undefined;
    await admin?.then(
      (opened) => opened.close(),
      () => {}, // it never was opened: there is nothing to close
    );
  }

  private async create(): Promise<KafkajsAdmin> {
    const { openKafkajsAdmin } = await import('../kafkajs/kafkajs.admin.js');
    return openKafkajsAdmin({ ...this.options, native: undefined }, this.context);
  }
}
