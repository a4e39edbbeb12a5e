import { sleep } from '../core/clock.js';
import type { Delivery } from '../core/delivery.js';
import { MessagingError, toError } from '../core/errors.js';
import type { StreamParts } from './message-stream.js';

/** How long a message waits before what could not be asked for it is asked again, in ms. */
const PATIENCE_MS = 2_000;

/** A payload and its key, why nobody can read it, or `postponed`: nobody can for now, and the stream has ended meanwhile. */
export type ReadValue = { readonly value: unknown; readonly key: unknown } | { readonly error: Error } | 'postponed';

/** Reads a payload and its key. While a registry is down it waits, and what follows waits too: the order stays. */
export async function readValue(
  delivery: Delivery,
  { serializer, clock, log, request }: StreamParts,
  hasEnded: () => boolean,
): Promise<ReadValue> {
  const { key, value } = delivery;
  const keyOf = async (bytes: Buffer): Promise<unknown> =>
    serializer.deserializeKey?.(bytes, delivery) ?? bytes.toString('utf8');
  for (;;) {
    try {
      return {
        value: value === null ? null : await serializer.deserialize(value, delivery),
        key: key === null ? undefined : await keyOf(key),
      };
    } catch (thrown) {
      const error = toError(thrown);
      if (!(error instanceof MessagingError && error.pausesPartition)) return { error };
      if (hasEnded()) return 'postponed';
      log.warn(`Stream of group ${request.groupId} waits: ${error.message}`);
      await sleep(clock, PATIENCE_MS);
    }
  }
}
