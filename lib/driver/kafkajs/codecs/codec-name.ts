import type { ResolvedKafkaOptions } from '../../../options/kafka.options.js';

export type CodecName = Exclude<ResolvedKafkaOptions['compressionType'], 'none'>;

/** The protocol's numbers. */
export const COMPRESSION: Readonly<Record<CodecName | 'none', number>> = {
  none: 0,
  gzip: 1,
  snappy: 2,
  lz4: 3,
  zstd: 4,
};

const NAMES: readonly (CodecName | undefined)[] = [undefined, 'gzip', 'snappy', 'lz4', 'zstd'];
const MASK = 0x07;

/** What the flags of a batch or of a message say it is compressed with. */
export function codecOf(flags: number): CodecName | undefined {
  return NAMES[flags & MASK];
}
