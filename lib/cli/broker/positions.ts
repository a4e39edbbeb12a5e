import { UnknownGroupError } from '../../core/errors.js';
import type { BrokerAdmin, PartitionPosition, PositionTarget } from '../../driver/broker-admin.js';
import { compareOffsets } from '../../core/offset.js';
import { expected } from '../../options/resolve-options.js';
import { momentOf } from '../command/readers.js';
import type { CliOption } from '../command/command.js';
import { UsageError } from '../exit-code.js';

const RULE = 'beginning, end, a time (2026-01-31T12:00Z), an age (15m, 2h, 7d) or an offset';

/** An option that names a place in a topic. */
export function position(flags: string, description: string): CliOption<PositionTarget> {
  return {
    flags,
    description: `${description}: ${RULE}`,
    read(value) {
      if (['beginning', 'earliest'].includes(value)) return { at: 'earliest' };
      if (['end', 'latest'].includes(value)) return { at: 'latest' };
      if (/^\d+(-\d+)?$/.test(value)) return { offset: value };
      const time = momentOf(value, Date.now());
      if (time !== undefined) return { time };
      throw new UsageError(expected('the position', RULE, value));
    },
  };
}

/** Where a group stands in a topic; where it has no position, at the beginning, as handlers begin. */
export async function positionsOfGroup(
  admin: BrokerAdmin,
  groupId: string,
  topic: string,
): Promise<readonly PartitionPosition[]> {
  const beginnings = await admin.positionsAt(topic, { at: 'earliest' });
  const group = await admin.describeGroup(groupId).catch((error: unknown) => {
    if (error instanceof UnknownGroupError) return undefined;
    throw error;
  });
  const own = group?.partitions.filter((one) => one.topic === topic) ?? [];
  return beginnings.map(({ partition, offset }) => ({
    partition,
    offset: later(own.find((one) => one.partition === partition)?.position, offset),
  }));
}

/** What retention has dropped cannot be read any more. */
function later(kept: string | null | undefined, start: string): string {
  return kept === null || kept === undefined || compareOffsets(kept, start) < 0 ? start : kept;
}
