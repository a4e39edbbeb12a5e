import type { DeadLetterPolicy } from '../pipeline/pipeline-options.js';
import type { HandlerDefinition } from './handler-definition.js';

/** `TaskWorker ← tasks (kafka, group task-processor, concurrency 4) → results, dead letters tasks-dlq` */
export function describeHandler(handler: HandlerDefinition): string {
  const { name, topic, connection, groupId, outputTopic, deadLetter, dispatch } = handler;
  const output = outputTopic === undefined ? '' : ` → ${outputTopic}`;
  const facts = `${connection}, group ${groupId}, concurrency ${dispatch.concurrency}`;
  return `${name} ← ${topic} (${facts})${output}, ${deadLetters(deadLetter)}`;
}

function deadLetters(policy: DeadLetterPolicy): string {
  switch (policy.kind) {
    case 'topic':
      return `dead letters ${policy.topic}`;
    case 'drop':
      return 'no dead letters: drops what it gives up';
    case 'stop':
      return 'no dead letters: stops at what it gives up';
  }
}
