/**
 * Keeps the order of the sends of a topic where encoding takes time: a schema may have to be registered, a validator may be asynchronous.
 * What is encoded at once, with nothing before it, is not delayed.
 */
export class EncodeOrder {
  private readonly last = new Map<string, Promise<unknown>>();

  /** What was encoded, once everything before it is. The next one follows whether this one could be encoded or not. */
  next<Encoded>(topic: string, encoded: Encoded | Promise<Encoded>): Encoded | Promise<Encoded> {
    const before = this.last.get(topic);
    if (before === undefined && !(encoded instanceof Promise)) return encoded;
    if (encoded instanceof Promise) encoded.catch(() => {}); // the caller learns of it in its turn
    const inTurn = before === undefined ? (encoded as Promise<Encoded>) : before.then(() => encoded);
    const done: Promise<unknown> = inTurn.then(
      () => {},
      () => {},
    );
    this.last.set(topic, done);
    void done.then(() => {
      if (this.last.get(topic) === done) this.last.delete(topic);
    });
    return inTurn;
  }
}
