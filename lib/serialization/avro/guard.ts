import { types, type ErrorHook, type Tap } from './avsc.js';
import { mapFault } from './values.js';
import type { AvroLimits } from './shapes.js';

/** A bound that hostile or broken bytes ran into, with what can be done where they are neither. */
export class GuardError extends Error {
  constructor(
    message: string,
    readonly cure = 'Correct the sender.',
  ) {
    super(message);
  }
}

/**
 * avsc believes the counts it reads: five bytes make it allocate gigabytes or loop for ever, and no `try` catches the end of the process.
 * These collections compare every count with what is left and with the limits, before and after each item; one cursor is one datum.
 */
export function collectionTypes({ maxItems }: AvroLimits) {
  return { GuardedArray: guardedArray(maxItems), GuardedMap: guardedMap(maxItems) };
}

function guardedArray(maxItems: number) {
  return class GuardedArray extends types.ArrayType {
    override _read(tap: Tap): unknown[] {
      const items: unknown[] = []; // never sized beforehand: the count is the sender's
      eachItem(tap, maxItems, () => items.push(this.itemsType._read(tap)));
      return items;
    }

    override _skip(tap: Tap): void {
      eachItem(tap, maxItems, () => this.itemsType._skip(tap));
    }
  };
}

function guardedMap(maxItems: number) {
  return class GuardedMap extends types.MapType {
    override _read(tap: Tap): object {
      const map = {};
      eachItem(tap, maxItems, () => {
        const key = tap.readString();
        assertInside(tap);
        setOwn(map, key, this.valuesType._read(tap));
      });
      return map;
    }

    override _skip(tap: Tap): void {
      eachItem(tap, maxItems, () => {
        tap.skipString();
        assertInside(tap);
        this.valuesType._skip(tap);
      });
    }

    override _write(tap: Tap, value: unknown): void {
      const fault = mapFault(value);
      if (fault !== undefined) throw new TypeError(fault);
      super._write(tap, value);
    }

    override _check(value: unknown, flags: unknown, hook?: ErrorHook, path?: string[]): boolean {
      if (mapFault(value) === undefined) return super._check(value, flags, hook, path);
      hook?.(value, this);
      return false;
    }
  };
}

function eachItem(tap: Tap, maxItems: number, read: () => unknown): void {
  for (let left = blockSize(tap, maxItems); left > 0; left = blockSize(tap, maxItems))
    for (; left > 0; left--) {
      read();
      assertInside(tap);
    }
}

/** How many items follow. A negative count comes with the block's size in bytes, which could move the cursor back. */
function blockSize(tap: Tap, maxItems: number): number {
  let count = tap.readLong();
  if (count < 0) {
    count = -count;
    const size = tap.readLong();
    if (size < 0 || size > tap.buf.length - tap.pos) throw new GuardError('a block whose size is not that of the data');
  }
  assertInside(tap);
  tap.items = (tap.items ?? 0) + count;
  if (!(tap.items <= maxItems))
    throw new GuardError(
      `more than ${maxItems} items in arrays and maps`,
      'Correct the sender, or raise `maxAvroItems`.',
    );
  return count;
}

export function assertInside(tap: Tap): void {
  if (!tap.isValid()) throw new GuardError('the data is cut off');
}

export function enterRecord(tap: Tap, maxDepth: number): void {
  tap.depth = (tap.depth ?? 0) + 1;
  if (tap.depth > maxDepth)
    throw new GuardError(
      `records more than ${maxDepth} deep in each other`,
      'Correct the sender, or raise `maxAvroDepth`.',
    );
}

export function leaveRecord(tap: Tap): void {
  tap.depth = (tap.depth ?? 1) - 1;
}

/** `__proto__` as a key would become the object's prototype. */
function setOwn(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
}
