import type { Deadline } from '../core/clock.js';
import { ConfigurationError } from '../core/errors.js';
import type { ResolvedMessagingOptions } from '../options/messaging.options.js';
import { Connection, type ConnectionParts } from './connection.js';

/** The connections of an app by name; each is made with its first use, and closed with the app. */
export class Connections {
  private readonly open = new Map<string, Connection>();
  private closed: Deadline | undefined;
  /** Called when one of them goes up or down. */
  onChange = () => {};

  constructor(
    private readonly options: ResolvedMessagingOptions,
    private readonly parts: ConnectionParts,
  ) {}

  /** @throws ConfigurationError while the options have faults, or when no connection has that name. */
  get(name: string = this.options.broker): Connection {
    const known = this.open.get(name);
    if (known) return known;
    if (this.options.faults.length > 0) throw new ConfigurationError(this.options.faults);
    const settings = this.options.connections.get(name);
    if (!settings) throw new ConfigurationError([`There is no connection \`${name}\`. Name it in \`connections\`.`]);
    const connection = new Connection(settings, { ...this.parts, onChange: () => this.onChange() });
    this.open.set(name, connection);
    if (this.closed) void connection.close(this.closed); // the app was closed while it started
    return connection;
  }

  async close(deadline: Deadline): Promise<void> {
    this.closed = deadline;
    await Promise.all([...this.open.values()].map((connection) => connection.close(deadline)));
  }
}
