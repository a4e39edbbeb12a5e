/** Places that an empty queue keeps, and from which the front of a long one is cut off. */
const KEPT = 1024;

/** A queue with constant-time `push` and `shift`, however long (`Array.shift` moves every element). */
export class Fifo<T> implements Iterable<T> {
  private items: (T | undefined)[] = [];
  private head = 0;
  /** Behind the last one. An array that is truncated gives its memory back: a queue that runs empty after each item would ask for it again. */
  private tail = 0;

  get length(): number {
    return this.tail - this.head;
  }

  push(item: T): void {
    this.items[this.tail++] = item;
  }

  peek(): T | undefined {
    return this.items[this.head];
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.items[this.head];
    this.items[this.head++] = undefined;
    if (this.head === this.tail) this.rewind();
    else if (this.head >= KEPT && this.head * 2 > this.tail) this.compact();
    return item;
  }

  shiftMany(max: number): T[] {
    const taken: T[] = [];
    while (taken.length < max && this.length > 0) taken.push(this.shift() as T);
    return taken;
  }

  clear(): void {
    this.items = [];
    this.head = 0;
    this.tail = 0;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let i = this.head; i < this.tail; i++) yield this.items[i] as T;
  }

  private rewind(): void {
    if (this.tail > KEPT) return this.clear();
    this.head = 0;
    this.tail = 0;
  }

  private compact(): void {
    this.items = this.items.slice(this.head, this.tail);
    this.tail -= this.head;
    this.head = 0;
  }
}
