import type { BrokerAdmin } from '../../lib/driver/broker-admin.js';
import type { Passed } from './collector.js';

/** A message that the broker acknowledged, and where it lies. */
export interface Sent extends Passed {
  readonly partition: number;
  readonly offset: string;
}

/** Where the lost messages lie, and how far the group and the topics are: whether they were never read, or never written. */
export async function describeLoss(
  lost: readonly Sent[],
  admin: BrokerAdmin,
  { GROUP, TOPIC, OUTPUT }: { readonly GROUP: string; readonly TOPIC: string; readonly OUTPUT: string },
): Promise<string> {
  const asked = [admin.describeGroup(GROUP), admin.describeTopic(TOPIC), admin.describeTopic(OUTPUT)];
  const answers = await Promise.all(asked.map((answer) => (answer as Promise<object>).then(JSON.stringify, String)));
  const where = lost.map(({ key, n, partition, offset }) => `${key}/${n} at ${partition}/${offset}`);
  return [`lost: ${where.join(', ')}`, ...answers].join('\n');
}
