import { createRequire } from 'node:module';

/** An optional package, at once; undefined where it is not installed. */
export function optionalRequire<Package>(name: string): Package | undefined {
  try {
    return createRequire(import.meta.url)(name) as Package;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}
