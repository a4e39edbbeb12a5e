/** How the records of a schema become instances: by the record's full name. */
export type RecordShapes = ReadonlyMap<string, RecordShape>;

export interface RecordShape {
  /** What decoded records inherit from: the class's prototype. */
  readonly prototype: object;
  /** Property names by field names, of those that differ. */
  readonly renamed: ReadonlyMap<string, string>;
}

/** Bounds of what one datum may hold; beyond them decoding ends with an error. */
export interface AvroLimits {
  /** Items of all arrays and maps of a datum together. */
  readonly maxItems: number;
  /** Records inside each other. */
  readonly maxDepth: number;
  /** Bytes of a datum. */
  readonly maxBytes: number;
}

export const DEFAULT_LIMITS: AvroLimits = { maxItems: 100_000, maxDepth: 500, maxBytes: 16_777_216 };
