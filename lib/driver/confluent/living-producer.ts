import { settledBefore, type Deadline } from '../../core/clock.js';
import type { MessagingError } from '../../core/errors.js';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import type { DriverContext } from '../driver.js';
import { closedConnection } from '../closed-connection.js';
import { BrokerProbe } from '../kafka/broker-probe.js';
import { BrokerStatus } from '../kafka/broker-status.js';
import { connectNative, disconnectNative } from './confluent.client.js';
import { CODE, eventError, isFatal, isRefusal, toMessagingError } from './confluent.errors.js';
import {
  promised,
  type ConfluentModule,
  type DeliveryReport,
  type NativeAdmin,
  type NativeConfig,
  type NativeError,
  type NativeProducer,
} from './confluent.native.js';

export const METADATA_MS = 5_000;
/** A connection is lost. That all are is not always said: one of a broker that is frozen counts as there until something is asked of it. */
const BROKEN = new Set<number>([CODE.allBrokersDown, CODE.transport, CODE.timedOut]);

export interface LivingProducerParts {
  readonly confluent: ConfluentModule;
  readonly config: NativeConfig;
  readonly options: ResolvedKafkaOptions;
  readonly context: DriverContext;
  readonly onReport: (error: NativeError | null, report: DeliveryReport) => void;
  readonly onConnected: () => void;
  /** It reports nothing more. */
  readonly onOver: () => void;
}

/** librdkafka's producer, and its successor: after a fatal error one sends nothing any more. */
export class LivingProducer {
  /** Undefined while there is none. */
  native: NativeProducer | undefined;
  admin: NativeAdmin | undefined;
  readonly status: BrokerStatus;
  /** Whether one that is over has no successor. */
  isLast = false;
  private readonly probe: BrokerProbe<NativeProducer>;
  private isClosed = false;

  constructor(private readonly parts: LivingProducerParts) {
    const { context } = parts;
    this.status = new BrokerStatus(context, (thrown) => this.wrap(thrown));
    this.probe = new BrokerProbe({
      clock: context.clock,
      status: this.status,
      client: () => this.native,
      question: (native) => promised((done) => native.getMetadata({ allTopics: false, timeout: METADATA_MS }, done)),
    });
  }

  /** One attempt. @throws MessagingError */
  async connect(): Promise<void> {
    if (this.native) return;
    const { confluent, config, context, onReport, onConnected } = this.parts;
    const native = new confluent.Producer(config);
    native.on('delivery-report', (error, report) => {
      const goesAgain = error && isFatal(error) && !this.isLast;
      if (goesAgain) void this.replace(native, error);
      else onReport(error, report);
    });
    native.on('event.error', (error) => this.onError(native, eventError(error)));
    try {
      await connectNative(native, context);
      if (this.isClosed) throw closedConnection(context.connection);
    } catch (error) {
      void disconnectNative(native);
      throw this.wrap(error);
    }
    native.setPollInBackground(true); // before the connect has ended it is a segmentation fault
    this.native = native;
    this.admin = confluent.AdminClient.createFrom(native);
    onConnected();
  }

  /** As often as it takes. */
  async reconnect(): Promise<void> {
    if (this.isLast || this.isClosed) return;
    const { context, options } = this.parts;
    try {
      await this.connect();
      this.status.up();
    } catch {
      context.clock.after(options.retryBackoffMs * 10, () => void this.reconnect());
    }
  }

  /** Another takes its place. */
  async replace(native: NativeProducer, error: NativeError): Promise<void> {
    if (native !== this.native) return; // it is being replaced
    this.parts.context.log.warn(`${this.status.down(error).message} Its successor may write messages twice.`);
    this.native = undefined;
    this.admin = undefined;
    await disconnectNative(native);
    this.parts.onOver();
    await this.reconnect();
  }

  async close(deadline: Deadline): Promise<void> {
    const { native } = this;
    this.isClosed = true;
    this.native = undefined;
    this.admin = undefined;
    if (native) await settledBefore(disconnectNative(native), deadline);
  }

  private onError(native: NativeProducer, error: NativeError): void {
    if (isRefusal(error)) this.parts.context.log.warn(this.status.down(error).message);
    if (BROKEN.has(error.code)) void this.probe.ask();
    if (isFatal(error)) void this.replace(native, error);
  }

  private wrap(thrown: unknown): MessagingError {
    return toMessagingError(thrown, { connection: this.parts.context.connection });
  }
}
