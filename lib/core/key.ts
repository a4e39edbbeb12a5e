/** A message's key as a sender writes it. An empty one counts as none. */
export type KeyInput = string | Buffer | null | undefined;

/** @throws TypeError for a key that is neither text nor bytes. */
export function toKey(key: KeyInput): Buffer | null {
  if (key === null || key === undefined || key.length === 0) return null;
  if (typeof key === 'string') return Buffer.from(key, 'utf8');
  if (Buffer.isBuffer(key)) return key;
  throw new TypeError(`to be a string or a Buffer, got \`${String(key)}\` (${typeof key}). Turn it into text.`);
}
