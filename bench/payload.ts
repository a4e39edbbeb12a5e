/** A JSON object of about `size` bytes. */
export function payload(n: number, size: number): { readonly n: number; readonly text: string } {
  const text = 'abcdefghij'.repeat(Math.ceil(size / 10)).slice(0, Math.max(size - 20 - String(n).length, 0));
  return { n, text };
}

export function keyOf(n: number, keys: number): string {
  return `key-${n % keys}`;
}
