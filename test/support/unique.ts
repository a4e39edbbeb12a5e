import { randomBytes } from 'node:crypto';

/** A name that no other test has. */
export function unique(name: string): string {
  return `${name}-${randomBytes(4).toString('hex')}`;
}
