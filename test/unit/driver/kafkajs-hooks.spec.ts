import { describe, expect, it } from 'vitest';
import { markAborted } from '../../../lib/driver/kafkajs/kafkajs.hooks.js';
import type { FetchedPartition } from '../../../lib/driver/kafkajs/kafkajs.internals.js';

interface Row {
  readonly offset: number;
  readonly producer: number;
  readonly control?: boolean;
  readonly outside?: boolean;
}

function fetched(
  rows: readonly Row[],
  aborted: readonly (readonly [producer: number, first: number])[],
): FetchedPartition {
  return {
    messages: rows.map(({ offset, producer, control = false, outside = false }) => ({
      offset: String(offset),
      isControlRecord: control,
      batchContext: { producerId: String(producer), inTransaction: !outside },
    })),
    abortedTransactions: aborted.map(([producer, first]) => ({
      producerId: String(producer),
      firstOffset: String(first),
    })),
  };
}

const shown = ({ messages }: FetchedPartition) =>
  messages.filter((message) => !message.isControlRecord).map(({ offset }) => Number(offset));

describe('markAborted', () => {
  it('leaves out the records of overlapping aborted transactions, listed in the order of their end', () => {
    const rows = [
      { offset: 0, producer: 1 },
      { offset: 1, producer: 2 },
      { offset: 2, producer: 1 },
      { offset: 3, producer: 2, control: true },
      { offset: 4, producer: 1 },
      { offset: 5, producer: 1, control: true },
      { offset: 6, producer: 1 },
    ];
    const partition = fetched(rows, [
      [2, 1],
      [1, 0],
    ]);
    markAborted(partition);
    expect(shown(partition)).toEqual([6]);
  });

  it('keeps what a producer writes outside its transactions, and what others write', () => {
    const partition = fetched(
      [
        { offset: 0, producer: 1 },
        { offset: 1, producer: 1, outside: true },
        { offset: 2, producer: 3 },
      ],
      [[1, 0]],
    );
    markAborted(partition);
    expect(shown(partition)).toEqual([1, 2]);
  });

  it('leaves kafkajs nothing to filter', () => {
    const partition = fetched([{ offset: 0, producer: 1 }], [[1, 0]]);
    markAborted(partition);
    expect(partition.abortedTransactions).toEqual([]);
  });
});
