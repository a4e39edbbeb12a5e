import { MessagingError, type ErrorDetails } from './errors.js';

/** Where a group is in a partition, and what the partition's log has. */
export interface OutOfLog {
  readonly groupId: string;
  readonly topic: string;
  readonly partition: number;
  /** Undefined when the group has never been there. */
  readonly position: number | undefined;
  /** Offset of the oldest message that is kept. */
  readonly start: number;
  /** Offset that the next message will get. */
  readonly end: number;
}

/** `autoOffsetReset` is `none`, and the group has no position in a partition, or one that the log has not: somebody has to choose. */
export class OffsetResetError extends MessagingError {
  readonly position: number | undefined;
  readonly start: number;
  readonly end: number;

  constructor({ groupId, topic, partition, position, start, end }: OutOfLog, details: ErrorDetails = {}) {
    const where = `in partition ${partition} of topic \`${topic}\`, whose log goes from ${start} to ${end}`;
    const what = position === undefined ? `has no position ${where}` : `is at ${position} ${where}`;
    super(
      `Group \`${groupId}\` ${what}, and \`autoOffsetReset\` is \`none\`. Move it with \`messaging kafka group seek\`, or choose \`earliest\` or \`latest\`.`,
      { ...details, groupId, topic, partition, offset: position === undefined ? undefined : String(position) },
    );
    this.position = position;
    this.start = start;
    this.end = end;
  }
}
