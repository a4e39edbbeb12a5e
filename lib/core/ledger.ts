/**
 * Which messages of one partition are finished, and up to where that is contiguous.
 *
 * "Contiguous" means among the offsets *received*: compacted and transactional logs have holes, so the ledger never waits for
 * `offset + 1` to appear.
 */
export class Ledger {
  private offsets: number[] = [];
  private finished: boolean[] = [];
  /** Index of the first unfinished offset. */
  private head = 0;

  /** @param position the first offset that was not received yet. */
  constructor(private next: number) {}

  /** Where a new owner has to begin: the first unfinished offset, or, with none, the first not received. */
  get position(): number {
    return this.offsets[this.head] ?? this.next;
  }

  /** From the first unfinished message to the last received one. */
  get span(): number {
    return this.next - this.position;
  }

  /** Received and not finished, the finished ones above a gap not counted. */
  get unfinished(): number {
    let count = 0;
    for (let i = this.head; i < this.finished.length; i++) if (!this.finished[i]) count++;
    return count;
  }

  /** Offsets come in increasing order. */
  receive(offset: number): void {
    this.offsets.push(offset);
    this.finished.push(false);
    this.next = offset + 1;
  }

  /** The log is read up to here, although nothing was received: control records and aborted transactions. */
  advanceTo(next: number): void {
    if (next > this.next) this.next = next;
  }

  /** The first unfinished offsets, as long as they pass, and what the position is once they are finished. */
  run(passes: (offset: number) => boolean): { readonly offsets: readonly number[]; readonly position: number } {
    let end = this.head;
    while (end < this.offsets.length && (this.finished[end] || passes(this.offsets[end] as number))) end++;
    const offsets = this.offsets.slice(this.head, end).filter((_, index) => !this.finished[this.head + index]);
    return { offsets, position: this.offsets[end] ?? this.next };
  }

  /** Received, and not finished. */
  isOpen(offset: number): boolean {
    const index = this.indexOf(offset);
    return index >= this.head && !this.finished[index];
  }

  /** False for an offset that is not open: never received, or finished before. */
  finish(offset: number): boolean {
    if (!this.isOpen(offset)) return false;
    this.finished[this.indexOf(offset)] = true;
    while (this.finished[this.head]) this.head++;
    if (this.head >= 1024 && this.head * 2 > this.offsets.length) this.compact();
    return true;
  }

  /** Most logs have no holes, so the index is usually the distance; else a binary search. */
  private indexOf(offset: number): number {
    const first = this.offsets[0];
    if (first === undefined) return -1;
    if (this.offsets[offset - first] === offset) return offset - first;
    let [low, high] = [0, this.offsets.length - 1];
    while (low <= high) {
      const middle = (low + high) >> 1;
      const found = this.offsets[middle] as number;
      if (found === offset) return middle;
      if (found < offset) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  private compact(): void {
    this.offsets = this.offsets.slice(this.head);
    this.finished = this.finished.slice(this.head);
    this.head = 0;
  }
}
