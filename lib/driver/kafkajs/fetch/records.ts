import type { Delivery, Partition } from '../../../core/delivery.js';
import type { CodecName } from '../codecs/codec-name.js';

/** Messages of one batch, decompressed; each is decoded when it is asked for, in the order of the log. */
export interface Records {
  readonly left: number;
  readonly bytes: number;
  /** Passes over those before this offset. */
  skipTo(offset: number): void;
  /** The next one; asked for only while some are left. */
  read(partition: Partition): Delivery;
}

/** What a batch holds; undefined when that is more than it may be, which is told of. */
export type Decompress = (
  codec: CodecName,
  bytes: Buffer,
  offsets: { readonly first: number; readonly last: number },
) => Promise<Buffer | undefined>;
