import { deadlineIn, sleep, systemClock, type Clock, type Deadline } from '../core/clock.js';
import { BrokerDisabledError, BrokerError, ClosedError, MessagingError, toError } from '../core/errors.js';
import { events } from '../core/events.js';
import type { Log } from '../core/log.js';
import type { Driver, DriverContext, DriverStatus, Features } from '../driver/driver.js';
import type { DriverFactory } from '../driver/driver.factory.js';
import { Formats, type FormatsOptions } from '../serialization/formats.js';
import type { ResolvedConnection } from '../options/connection.options.js';
import { DEFAULT_REGISTRY_URL } from '../options/kafka.options.js';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
const UP: DriverStatus = { state: 'up' };

export interface ConnectionParts {
  readonly drivers: DriverFactory;
  readonly clock: Clock;
  readonly log: Log;
  /** Told when a broker answers again, or does not any more. */
  readonly onChange?: () => void;
}

/**
 * A named connection: its client is loaded and connected when it is first needed. A broker that does not answer is asked again
 * in the background, one line an attempt, until it does or the app closes; wrong credentials and options end the attempts.
 */
export class Connection {
  readonly features: Features;
  /** How messages of its topics become bytes, and bytes messages. */
  readonly formats: Formats;
  private readonly closing = new AbortController();
  private driver: Driver | undefined;
  private first: Promise<MessagingError | undefined> | undefined;
  private connected: Promise<Driver> | undefined;
  private isUp = false;
  private current: DriverStatus = UP;

  constructor(
    readonly settings: ResolvedConnection,
    private readonly parts: ConnectionParts,
  ) {
    this.features = parts.drivers.features(settings);
    this.formats = new Formats(formatsOptions(settings, this.features));
  }

  get name(): string {
    return this.settings.name;
  }

  get isEnabled(): boolean {
    return !('enabled' in this.settings.options) || this.settings.options.enabled;
  }

  /** Whether the broker answers, as far as it was noticed. */
  get status(): DriverStatus {
    return this.current;
  }

  /** The driver at once when it is connected; else its promise, with the first call beginning to connect. */
  ready(): Driver | Promise<Driver> {
    return this.isUp && this.driver ? this.driver : this.open();
  }

  /** @throws MessagingError when it can never be connected: disabled, closed, wrong credentials, a missing package. */
  open(): Promise<Driver> {
    this.first ??= this.attempt();
    this.connected ??= this.repeat(this.first);
    this.connected.catch(() => {}); // whoever needs the driver awaits it; without anybody, it is not an unhandled rejection
    return this.connected;
  }

  /**
   * Ends with the first attempt: true when it is up, false when it goes on in the background.
   * @throws MessagingError when no later attempt can succeed.
   */
  async firstAttempt(): Promise<boolean> {
    void this.open();
    const error = await this.first;
    if (error && !error.retryable) throw error;
    return error === undefined;
  }

  async close(deadline: Deadline): Promise<void> {
    this.closing.abort();
    await this.driver?.close(deadline);
    this.formats.close();
  }

  private async attempt(): Promise<MessagingError | undefined> {
    try {
      if (!this.isEnabled) throw new BrokerDisabledError(this.name);
      this.assertOpen();
      this.driver ??= await this.parts.drivers.create(this.settings, this.driverContext());
      await this.driver.connect();
      if (this.closing.signal.aborted) await this.driver.close(deadlineIn(this.parts.clock, 0)); // it was closed meanwhile
      this.assertOpen();
      this.become(UP);
      return undefined;
    } catch (thrown) {
      const error = toMessagingError(thrown, this.name);
      this.become({ state: 'down', error });
      return error;
    }
  }

  private assertOpen(): void {
    if (!this.closing.signal.aborted) return;
    throw new ClosedError(`Connection \`${this.name}\` is closed.`, { connection: this.name });
  }

  private become(status: DriverStatus): void {
    const { state } = status;
    const isNews = state !== this.current.state;
    this.current = status;
    if (isNews) this.parts.onChange?.();
    if (isNews && events.connection.hasSubscribers)
      events.connection.publish({ connection: this.name, state, error: state === 'down' ? status.error : undefined });
  }

  private driverContext(): DriverContext {
    const { clock, log } = this.parts;
    return { connection: this.name, clock, log, onStatus: (status) => this.become(status) };
  }

  private async repeat(first: Promise<MessagingError | undefined>): Promise<Driver> {
    let error = await first;
    for (let pause = FIRST_PAUSE_MS; error?.retryable; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      this.parts.log.warn(`Connection \`${this.name}\` is down, next attempt in ${pause} ms: ${error.message}`);
      await sleep(this.parts.clock, pause, this.closing.signal);
      error = await this.attempt();
    }
    if (error) throw error;
    this.isUp = true;
    return this.driver as Driver;
  }
}

/**
 * Readers of a real Kafka expect a registry's frame. The test kit's stand-in has no other reader, and asks no registry. A registry is a server
 * in the test kit too: what its client waits for comes in the system's time, whoever moves the app's clock.
 */
function formatsOptions({ kind, options }: ResolvedConnection, features: Features): FormatsOptions {
  const isStandIn = kind !== 'memory' && !features.remote;
  const { maxAvroItems: maxItems, maxAvroDepth: maxDepth, maxAvroBytes: maxBytes } = options;
  return {
    registry: isStandIn ? undefined : options,
    defaultRegistryUrl: kind === 'kafka' ? DEFAULT_REGISTRY_URL : undefined,
    limits: { maxItems, maxDepth, maxBytes },
    clock: systemClock,
  };
}

function toMessagingError(thrown: unknown, connection: string): MessagingError {
  if (thrown instanceof MessagingError) return thrown;
  const cause = toError(thrown);
  return new BrokerError(`Connection \`${connection}\`: ${cause.message}`, { connection, cause, retryable: false });
}
