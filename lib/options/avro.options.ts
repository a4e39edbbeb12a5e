import { DEFAULT_LIMITS } from '../serialization/avro/shapes.js';
import { integer } from './option.js';

/** What one Avro message may hold when it is read: its bytes are not trusted. */
export const avroOptions = {
  /** Most items of all arrays and maps of one Avro message together; one with more is given up. */
  maxAvroItems: integer({ min: 1, default: DEFAULT_LIMITS.maxItems }),
  /** How deep records of one Avro message may nest; deeper ones are given up. */
  maxAvroDepth: integer({ min: 1, max: 2_000, default: DEFAULT_LIMITS.maxDepth }),
  /** Most bytes of one Avro message, or key; larger ones are given up unread. */
  maxAvroBytes: integer({ min: 1, default: DEFAULT_LIMITS.maxBytes }),
};
