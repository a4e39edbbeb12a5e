import type { Load } from './protocol.js';

export interface Payload {
  readonly n: number;
  readonly text: string;
}

/** A JSON object of about `size` bytes. */
export function payload(n: number, { size }: Pick<Load, 'size'>): Payload {
  const text = 'abcdefghij'.repeat(Math.ceil(size / 10)).slice(0, Math.max(size - 20 - String(n).length, 0));
  return { n, text };
}

export function json(n: number, load: Pick<Load, 'size'>): string {
  return JSON.stringify(payload(n, load));
}

export function keyOf(n: number, { keys }: Pick<Load, 'keys'>): string {
  return `key-${n % keys}`;
}

/** A message as kafkajs takes it, and those that resemble it. */
export function record(n: number, load: Pick<Load, 'size' | 'keys'>): { readonly key: string; readonly value: string } {
  return { key: keyOf(n, load), value: json(n, load) };
}

/** One message in a hundred, of every key: 97 has no divisor in common with a number of keys. */
export function throwsOnce(n: number): boolean {
  return n % 97 === 0;
}
