import 'reflect-metadata';

/** Gives a function that takes another's place what decorators wrote on that: guards above all. */
export function copyMetadata(from: object, to: object): void {
  for (const key of Reflect.getMetadataKeys(from)) Reflect.defineMetadata(key, Reflect.getMetadata(key, from), to);
}
