/** What may stand in one list at a time. */
export interface Linked<Item> {
  previous: Item | undefined;
  next: Item | undefined;
}

/**
 * Items in the order they came, each of which can go at any time. Not a set: that hashes, and grows anew, for each message that comes and goes
 * (measured: a tenth of all CPU of reading).
 */
export class LinkedList<Item extends Linked<Item>> implements Iterable<Item> {
  private first: Item | undefined;
  private last: Item | undefined;
  length = 0;

  add(item: Item): void {
    item.previous = this.last;
    if (this.last) this.last.next = item;
    else this.first = item;
    this.last = item;
    this.length++;
  }

  has(item: Item): boolean {
    return item.previous !== undefined || item === this.first;
  }

  /** False when it is not there. */
  delete(item: Item): boolean {
    if (!this.has(item)) return false;
    const { previous, next } = item;
    if (previous) previous.next = next;
    else this.first = next;
    if (next) next.previous = previous;
    else this.last = previous;
    item.previous = undefined;
    item.next = undefined;
    this.length--;
    return true;
  }

  clear(): void {
    for (const item of this) this.delete(item);
  }

  /** The item at hand may be deleted. */
  *[Symbol.iterator](): Iterator<Item> {
    for (let item = this.first; item;) {
      const { next } = item;
      yield item;
      item = next;
    }
  }
}
