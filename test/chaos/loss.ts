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
  const group = await admin.describeGroup(GROUP);
  const topics = await Promise.all([TOPIC, OUTPUT].map((topic) => admin.describeTopic(topic)));
  const where = lost.map(({ key, n, partition, offset }) => `${key}/${n} at ${partition}/${offset}`);
  return [`lost: ${where.join(', ')}`, JSON.stringify(group), JSON.stringify(topics)].join('\n');
}
