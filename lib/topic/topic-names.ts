/** Where messages of a topic go that were given up, unless the handler names another. */
export function deadLetterTopicOf(topic: string): string {
  return `${topic}-dlq`;
}

/** Where a group's messages wait for a longer delay, on a broker that keeps each back until it is due. */
export function retryTopicOf(topic: string, groupId: string): string {
  return `${topic}-${groupId}-retry`;
}

/** The same on a broker that does not: one topic for each delay, in ms. */
export function retryStepTopicOf(topic: string, groupId: string, stepMs: number): string {
  return `${retryTopicOf(topic, groupId)}-${stepMs}`;
}
