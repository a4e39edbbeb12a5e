/** Headers that this library writes and reads. All are text, so that any tool can show them. */
export const HEADER = {
  /** Only this group handles the message; others pass over it. */
  targetGroup: 'x-target-group',
  /** The number of the next attempt, on a retry topic. */
  attempt: 'x-attempt',
  /** Milliseconds since the epoch: not before, on a retry topic. */
  dueAt: 'x-due-at',
  originalTopic: 'x-original-topic',
  originalPartition: 'x-original-partition',
  originalOffset: 'x-original-offset',
  originalTimestamp: 'x-original-timestamp',
  originalGroup: 'x-original-group',
  handler: 'x-handler',
  reason: 'x-reason',
  errorClass: 'x-error-class',
  errorCode: 'x-error-code',
  errorMessage: 'x-error-message',
  attempts: 'x-attempts',
  deliveries: 'x-deliveries',
  firstFailureAt: 'x-first-failure-at',
  lastFailureAt: 'x-last-failure-at',
  redriveCount: 'x-redrive-count',
} as const;

/** What W3C Trace Context and Baggage pass on from a message to what follows from it. */
export const TRACE_HEADERS: readonly string[] = ['traceparent', 'tracestate', 'baggage'];
