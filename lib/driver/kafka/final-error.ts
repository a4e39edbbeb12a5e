import { OffsetResetError } from '../../core/offset-reset.error.js';
import { UnboundedTopicError } from '../../core/unbounded-topic.error.js';

/** Somebody has to decide: another member would meet the same. */
export function isFinalError(error: unknown): boolean {
  return error instanceof OffsetResetError || error instanceof UnboundedTopicError;
}
