/** A queue with constant-time `push` and `shift`, however long (`Array.shift` moves every element). */
export class Fifo<T> implements Iterable<T> {
  private items: (T | undefined)[] = [];
  private head = 0;

  get length(): number {
    return this.items.length - this.head;
  }

  push(item: T): void {
    this.items.push(item);
  }

  peek(): T | undefined {
    return this.items[this.head];
  }

  shift(): T | undefined {
    const item = this.items[this.head];
    if (this.length === 0) return undefined;
    this.items[this.head++] = undefined;
    if (this.head === this.items.length) this.clear();
    else if (this.head >= 1024 && this.head * 2 > this.items.length) this.compact();
    return item;
  }

  shiftMany(max: number): T[] {
    const taken: T[] = [];
    while (taken.length < max && this.length > 0) taken.push(this.shift() as T);
    return taken;
  }

  /** Keeps its array: a queue that runs empty after each item would make a new one for each. */
  clear(): void {
    this.items.length = 0;
    this.head = 0;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let i = this.head; i < this.items.length; i++) yield this.items[i] as T;
  }

  private compact(): void {
    this.items = this.items.slice(this.head);
    this.head = 0;
  }
}
