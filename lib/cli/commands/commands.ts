import type { CliCommand } from '../command/command.js';
import { consume } from './consume.js';
import { doctor } from './doctor.js';
import { listDeadLetters, showDeadLetters } from './dlq.js';
import { describeGroup, groups, seekGroup } from './groups.js';
import { produce } from './produce.js';
import { redriveDeadLetters } from './redrive.js';
import { checkSchemas, registerSchemas } from './schema.js';
import { addPartitions, createTopic, deleteTopic, describeTopic, topics } from './topics.js';
import { worker, workers } from './workers.js';

/** All verbs, in the order of `--help`. */
export const commands: readonly CliCommand[] = [
  workers,
  worker,
  checkSchemas,
  registerSchemas,
  topics,
  describeTopic,
  createTopic,
  deleteTopic,
  addPartitions,
  consume,
  produce,
  groups,
  describeGroup,
  seekGroup,
  listDeadLetters,
  showDeadLetters,
  redriveDeadLetters,
  doctor,
];
